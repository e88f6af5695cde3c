"""Patterns that choose tags."""

import fnmatch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.oci.patterns import MAX_PATTERN_LENGTH, PatternInvalid, Syntax, TagPattern

TAGS = st.text(alphabet="ab1v.-_", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("pattern", "chosen", "others"),
    [
        ("v*", ["v", "v1", "v1.2"], ["1", "dev1", "V1"]),
        ("v?.?", ["v1.2"], ["v12", "v1.22", "v1x2"]),
        ("[!v]*", ["1", "latest"], ["v1"]),
        ("release-[0-9]*", ["release-1", "release-1a"], ["release-x"]),
        ("a.b", ["a.b"], ["axb", "a.b.c"]),
        ("*", ["anything"], []),
    ],
)
def test_a_shell_pattern_covers_the_whole_tag(
    pattern: str, chosen: list[str], others: list[str]
) -> None:
    compiled = TagPattern(pattern)

    assert [tag for tag in chosen + others if compiled.matches(tag)] == chosen


@pytest.mark.parametrize(
    ("pattern", "chosen", "others"),
    [
        (r"^v\d+$", ["v1", "v22"], ["v1.2", "dev1"]),
        ("1", ["v1", "1", "dev1"], ["v2"]),
        ("(?i)^RC", ["rc1", "RC1"], ["1rc"]),
    ],
)
def test_a_regular_expression_is_found_anywhere(
    pattern: str, chosen: list[str], others: list[str]
) -> None:
    compiled = TagPattern(pattern, Syntax.REGEX)

    assert [tag for tag in chosen + others if compiled.matches(tag)] == chosen


@pytest.mark.parametrize("text", ["(", "*", "[", "a{1000}{1000}", r"(a)\1", "(?=a)", "é", "\ud800"])
def test_what_is_no_regular_expression_is_refused(text: str) -> None:
    with pytest.raises(PatternInvalid):
        TagPattern(text, Syntax.REGEX)


@pytest.mark.parametrize("text", ["", "a" * (MAX_PATTERN_LENGTH + 1)])
def test_a_pattern_has_some_characters_and_not_too_many(text: str) -> None:
    with pytest.raises(PatternInvalid, match="from 1 to 256 characters"):
        TagPattern(text)


@pytest.mark.parametrize("text", ["(a+)+$", "(a|a)*b", ".*.*.*.*.*.*.*.*x"])
def test_no_pattern_takes_longer_than_the_tag_is_long(text: str) -> None:
    # With Python's own matcher these do not end in a lifetime.
    assert not TagPattern(text, Syntax.REGEX).matches("a" * 127 + "!")


@settings(deadline=None)
@given(st.text(alphabet="ab1v.-_*?[]!", min_size=1, max_size=8), TAGS)
def test_shell_patterns_match_as_pythons_do(pattern: str, tag: str) -> None:
    try:
        compiled = TagPattern(pattern)
    except PatternInvalid:
        return
    if "[" not in pattern:
        assert compiled.matches(tag) == fnmatch.fnmatchcase(tag, pattern)


@settings(deadline=None)
@given(st.text(max_size=20), st.sampled_from(Syntax), TAGS)
def test_any_text_is_a_pattern_or_refused(text: str, syntax: Syntax, tag: str) -> None:
    try:
        said = str(TagPattern(text, syntax).matches(tag))
    except PatternInvalid as error:
        said = str(error)

    assert said.isascii()

"""Text from outside: whatever it was, it can be stored, shown and sent."""

import json
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.text import clean, cleaned, decoded, kept_json, text_of


def of_every_category() -> Iterator[str]:
    """The first and the last character of each of Unicode's categories."""
    ends: dict[str, list[str]] = {}
    for code in range(sys.maxunicode + 1):
        ends.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    for characters in ends.values():
        yield from (characters[0], characters[-1])


@pytest.mark.parametrize("character", sorted(of_every_category()), ids=ascii)
def test_one_character_becomes_one_that_can_be_stored(character: str) -> None:
    text = clean(character)

    assert len(text) == 1
    assert text.encode().decode() == text
    assert text != "\x00"


@pytest.mark.parametrize("character", ["\u202e", "\ufeff", "\ufffe", "\x01", "\x85", "\U0010ffff"])
def test_what_is_text_stays(character: str) -> None:
    assert clean(f"a{character}b") == f"a{character}b"


@given(st.text(st.characters(codec=None)))
def test_clean_text_is_clean(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert "\x00" not in clean(text).encode().decode()


def test_everything_that_a_value_holds_is_cleaned() -> None:
    value = {"\ud800": ["\x00", {"a": "b\udfff"}], "n": 1.5, "none": None, "yes": True}

    assert cleaned(value) == {
        "\ufffd": ["\ufffd", {"a": "b\ufffd"}],
        "n": 1.5,
        "none": None,
        "yes": True,
    }


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"a\xffb", "a\ufffdb"), (b"a\x00b", "a\ufffdb"), (b"\xed\xa0\xbd", "\ufffd\ufffd\ufffd")],
)
def test_bytes_are_read_as_utf8(content: bytes, text: str) -> None:
    assert decoded(content) == text


@given(st.dictionaries(st.text(st.characters(codec=None)), st.text(st.characters(codec=None))))
def test_what_older_versions_kept_can_be_shown(value: dict[str, str]) -> None:
    kept = kept_json(json.dumps(value))

    assert json.dumps(kept, ensure_ascii=False).encode()
    assert kept == cleaned(value)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
)
def test_a_file_is_read_in_the_encoding_that_its_first_bytes_name(encoding: str) -> None:
    assert text_of("a: Größe 😀\n".encode(encoding)) == "a: Größe 😀\n"


@pytest.mark.parametrize("content", [b"\xff\xfea", b"caf\xe9", b"\xef\xbb\xbf\xff"])
def test_what_is_in_no_such_encoding_is_no_text(content: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        text_of(content)

"""The lines in which two texts differ."""

import contextlib
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ui.tags.differences import MAX_LINES, MAX_STEPS, TooDifferent, _waves, differences

texts = st.text("abc\n", max_size=8)


def is_part(shown: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether the lines stand in this order in the whole text."""
    rest = iter(whole)
    return all(line in rest for line in shown)


def short(a: str, b: str) -> list[str]:
    return [f"{line.mark}{line.text}" for line in differences(a, b)]


@given(texts, texts)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_lines_lead_from_one_text_to_the_other(a: str, b: str) -> None:
    lines = [line for line in differences(a, b) if line.sign != "gap"]

    removed = Counter(line.text for line in lines if line.sign == "removed")
    added = Counter(line.text for line in lines if line.sign == "added")
    old, new = Counter(a.splitlines()), Counter(b.splitlines())
    assert old - removed + added == new
    shown = [line.text for line in lines if line.sign != "added"]
    assert is_part(shown, a.splitlines())
    assert is_part([line.text for line in lines if line.sign != "removed"], b.splitlines())


def test_no_more_than_needed_is_said_to_differ() -> None:
    assert short("a\nb\nc", "a\nx\nc") == [" a", "-b", "+x", " c"]
    assert short("a\nb", "b") == ["-a", " b"]
    assert short("", "a") == ["+a"]


def test_lines_far_from_any_difference_are_left_out() -> None:
    old = "\n".join(str(n) for n in range(20))

    assert short(old, old.replace("10", "x")) == [
        "…",
        " 7",
        " 8",
        " 9",
        "-10",
        "+x",
        " 11",
        " 12",
        " 13",
        "…",
    ]


@pytest.mark.parametrize("lines", [1000, MAX_LINES + 1])
def test_texts_that_have_little_in_common_are_given_up(lines: int) -> None:
    with pytest.raises(TooDifferent):
        differences("a\n" * lines, "b\n" * lines)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\n" * 19_000 + "b\n" * 599, "b\n" * 599 + "a\n" * 19_000),
        ("a\nb\n" * 9_900, "b\na\n" * 5_000 + "a\na\n" * 4_900),
        ("".join(f"{n}\n" for n in range(19_000)), "".join(f"{n * 7}\n" for n in range(19_000))),
        ("x\n" + "a\n" * 19_000 + "y\n" * 500, "z\n" + "a\n" * 19_000 + "w\n" * 500),
    ],
)
def test_so_many_pairs_of_lines_are_compared_and_no_more(old: str, new: str) -> None:
    compared = 0

    class Counted(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    with contextlib.suppress(TooDifferent):
        _waves([Counted(line) for line in old.splitlines()], new.splitlines())

    assert 0 < compared <= 2 * MAX_STEPS

"""The lines in which two texts differ."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from itertools import accumulate, islice
from typing import Final, Literal

from ui.display.text import spelled_out

MAX_LINES: Final = 20_000  # of each text
MAX_STEPS: Final = 500_000  # pairs of lines that are looked at, in each of two ways
MAX_SHOWN_LINES: Final = 1500
MAX_LINE_LENGTH: Final = 1000
CONTEXT: Final = 3  # lines around a difference

Sign = Literal["same", "added", "removed", "gap"]


class TooDifferent(Exception):
    """There is more to show than anybody would read."""


@dataclass(frozen=True, slots=True)
class Line:
    sign: Sign
    text: str

    @property
    def mark(self) -> str:
        return {"same": " ", "added": "+", "removed": "-", "gap": "…"}[self.sign]


@dataclass(frozen=True, slots=True)
class Changes:
    """How one text changed. ``problem`` says why its lines are not shown."""

    lines: Sequence[Line] = ()
    problem: str = ""


def changes(a: str, b: str) -> Changes:
    """The lines in which two texts differ, as a page shows them."""
    try:
        lines = differences(a, b)
    except TooDifferent:
        return Changes(problem="They differ in more lines than can be shown here.")
    return Changes([Line(line.sign, spelled_out(line.text)) for line in lines])


def differences(a: str, b: str) -> list[Line]:
    """What was removed from ``a`` and added in ``b``, each with some lines around it; nothing
    when they are alike. Raises ``TooDifferent``."""
    old, new = a.splitlines(), b.splitlines()
    if max(len(old), len(new)) > MAX_LINES:
        raise TooDifferent
    for skips_frequent in (False, True):
        with suppress(TooDifferent):
            shown = list(islice(_lines(old, new, skips_frequent), MAX_SHOWN_LINES + 1))
            if len(shown) <= MAX_SHOWN_LINES:
                return shown
    raise TooDifferent


def _lines(old: Sequence[str], new: Sequence[str], skips_frequent: bool) -> Iterator[Line]:
    end = 0
    for group in _Matcher(old, new, skips_frequent).get_grouped_opcodes(CONTEXT):
        if group[0][1] > end:
            yield Line("gap", "")
        for tag, old_start, old_end, new_start, new_end in group:
            signs: tuple[Sign, Sign] = ("same", "same") if tag == "equal" else ("removed", "added")
            yield from (Line(signs[0], text[:MAX_LINE_LENGTH]) for text in old[old_start:old_end])
            if tag != "equal":
                yield from (
                    Line(signs[1], text[:MAX_LINE_LENGTH]) for text in new[new_start:new_end]
                )
        end = group[-1][2]
    if 0 < end < len(old):
        yield Line("gap", "")


class _Matcher(SequenceMatcher[str]):
    """Gives up after so many steps, however the texts are made. Raises ``TooDifferent``."""

    def __init__(self, old: Sequence[str], new: Sequence[str], skips_frequent: bool) -> None:
        super().__init__(None, old, new, autojunk=skips_frequent)
        places: Mapping[str, Sequence[int]] = self.b2j  # type: ignore[attr-defined]
        pairs = (1 + len(places.get(line, ())) for line in old)
        self._before = list(accumulate(pairs, initial=0))  # the steps to look at all lines before
        self._left = MAX_STEPS

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        self._left -= self._before[-1 if ahi is None else ahi] - self._before[alo]
        if self._left < 0:
            raise TooDifferent
        return super().find_longest_match(alo, ahi, blo, bhi)

"""The lines in which two texts differ.

Source: Myers, "An O(ND) Difference Algorithm and Its Variations", 1986. Its time is bounded by the
number of differences that are looked for, whatever the texts are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

MAX_LINES: Final = 20_000  # of each text
MAX_DIFFERENCES: Final = 600
MAX_STEPS: Final = 1_000_000  # pairs of lines that are looked at
MAX_SHOWN: Final = 1500
MAX_LINE_LENGTH: Final = 1000
CONTEXT: Final = 3

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


def differences(a: str, b: str) -> list[Line]:
    """What was removed from ``a`` and added in ``b``, each with some lines around it; nothing
    when they are alike. Raises ``TooDifferent``."""
    if a == b:
        return []
    old, new = a.splitlines(), b.splitlines()
    if max(len(old), len(new)) > MAX_LINES or abs(len(old) - len(new)) > MAX_DIFFERENCES:
        raise TooDifferent
    shown = list(_with_context(list(_lines(old, new))))
    if len(shown) > MAX_SHOWN:
        raise TooDifferent
    return shown


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    yield from (Line("same", text) for text in old[:start])
    once = {text: text for text in (*old, *new)}  # equal lines as one object: quick to compare
    yield from _script(
        [once[text] for text in old[start : len(old) - end]],
        [once[text] for text in new[start : len(new) - end]],
    )
    yield from (Line("same", text) for text in old[len(old) - end :])


def _script(old: Sequence[str], new: Sequence[str]) -> list[Line]:
    lines: list[Line] = []
    x, y = len(old), len(new)
    for steps, reached in reversed(list(enumerate(_waves(old, new)))):
        is_down = _comes_down(reached, x - y, steps)
        before = x - y + (1 if is_down else -1)
        from_x = reached.get(before, 0)
        from_y = from_x - before
        while x > from_x and y > from_y:
            x, y = x - 1, y - 1
            lines.append(Line("same", old[x]))
        if steps and is_down:
            y -= 1
            lines.append(Line("added", new[y]))
        elif steps:
            x -= 1
            lines.append(Line("removed", old[x]))
    return lines[::-1]


def _waves(old: Sequence[str], new: Sequence[str]) -> list[dict[int, int]]:
    """For each number of differences, how far one came on each diagonal with one less."""
    reached = {1: 0}
    waves = []
    left = MAX_STEPS
    for steps in range(min(len(old) + len(new), MAX_DIFFERENCES) + 1):
        waves.append(dict(reached))
        for diagonal in range(-steps, steps + 1, 2):
            is_down = _comes_down(reached, diagonal, steps)
            x = reached[diagonal + 1] if is_down else reached[diagonal - 1] + 1
            y, start = x - diagonal, x
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            left -= 1 + x - start
            if left < 0:
                raise TooDifferent
            reached[diagonal] = x
            if x >= len(old) and y >= len(new):
                return waves
    raise TooDifferent


def _comes_down(reached: dict[int, int], diagonal: int, steps: int) -> bool:
    """Whether the furthest way to a diagonal adds a line last, rather than removes one."""
    return diagonal == -steps or (
        diagonal != steps and reached[diagonal - 1] < reached[diagonal + 1]
    )


def _with_context(lines: Sequence[Line]) -> Iterator[Line]:
    near = {
        at
        for number, line in enumerate(lines)
        if line.sign != "same"
        for at in range(number - CONTEXT, number + CONTEXT + 1)
    }
    is_hidden = False
    for number, line in enumerate(lines):
        if number in near:
            yield Line(line.sign, line.text[:MAX_LINE_LENGTH])
        elif not is_hidden:
            yield Line("gap", "")
        is_hidden = number not in near

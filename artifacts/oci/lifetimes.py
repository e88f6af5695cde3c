"""How a lifetime is written: a whole number and one of ``s m h d w y``, as in Quay.

``m`` is minutes, and a year has 365 days.
"""

import re
from datetime import timedelta
from typing import Final

_SECONDS: Final = {
    "y": 365 * 86_400,
    "w": 7 * 86_400,
    "d": 86_400,
    "h": 3600,
    "m": 60,
    "s": 1,
}
MAX_SECONDS: Final = 1000 * _SECONDS["y"]  # far beyond any use, and still a date
_LIFETIME: Final = re.compile(r"[ ]*\+?([0-9]{1,20})[ ]*([smhdwy])[ ]*", re.ASCII)


class LifetimeInvalid(ValueError):
    """Says in one sentence what is wrong with a lifetime."""


def parse_lifetime(text: str) -> timedelta:
    """``2w`` and the like. Blanks around the number are overlooked, as Quay does.

    Raises ``LifetimeInvalid`` for everything else, negative and endless ones included.
    """
    if (match := _LIFETIME.fullmatch(text)) is None:
        raise LifetimeInvalid(
            f"{shortened(text)} is no lifetime: write a whole number and one of"
            " s, m (minutes), h, d, w or y, such as 2w"
        )
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > MAX_SECONDS:
        raise LifetimeInvalid(f"{shortened(text)} is longer than 1000 years")
    return timedelta(seconds=seconds)


def written_lifetime(seconds: int) -> str:
    """``seconds`` as ``parse_lifetime`` reads it, in the largest unit that fits a whole number."""
    unit = next(unit for unit, length in _SECONDS.items() if seconds % length == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def shortened(text: str) -> str:
    """Short, and in ASCII, so that it fits a header, a column and a terminal."""
    return ascii(text) if len(text) <= 40 else ascii(text[:40] + "...")

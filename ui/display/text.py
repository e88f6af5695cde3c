"""Text from outside, so that it shows what it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

MAX_SHOWN_LENGTH = 2000
MAX_PAIRS = 200
MAX_KEY_LENGTH = 300

_LINK = re.compile(r"https?://[^\s<>\"'`\\^{}|]+", re.IGNORECASE)
# Control characters, and those that make text run the other way.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A name and what it says; ``url`` where that is an address of the web."""

    name: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Pairs:
    rows: Sequence[Pair] = ()
    left_out: int = 0

    def __bool__(self) -> bool:
        return bool(self.rows)


def shown(text: str, limit: int = MAX_SHOWN_LENGTH) -> str:
    """``text`` cut to a length that can be read, its unseen characters spelled out."""
    cut = text[:limit]
    rest = f" … ({len(text):,} characters in all)" if len(text) > limit else ""
    return _UNSEEN.sub(_spelled, cut) + rest


def spelled_out(text: str) -> str:
    """The whole of ``text``, its unseen characters spelled out."""
    return _UNSEEN.sub(_spelled, text)


def web_link(text: str) -> str:
    """``text`` where it is an address of the web, else nothing."""
    if len(text) > MAX_SHOWN_LENGTH or not _LINK.fullmatch(text) or _UNSEEN.search(text):
        return ""
    try:
        return text if urlsplit(text).hostname else ""
    except ValueError:
        return ""


def pairs(values: Mapping[str, str]) -> Pairs:
    """Annotations or labels, in the order of their names; of very many the first."""
    rows = [
        Pair(shown(name, MAX_KEY_LENGTH), shown(values[name]), web_link(values[name]))
        for name in islice(sorted(values), MAX_PAIRS)
    ]
    return Pairs(rows, max(0, len(values) - len(rows)))


def _spelled(match: re.Match[str]) -> str:
    return f"[U+{ord(match[0]):04X}]"

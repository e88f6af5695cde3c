"""How an image was built, step by step, with the layer that each step made."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from artifacts.images.config import HistoryEntry
from artifacts.oci.descriptors import Descriptor

_SHELL = re.compile(r"(?:\|\d+ .*? )?/bin/sh -c\s+", re.DOTALL)
_NOTHING = "#(nop)"
_BUILDKIT = "# buildkit"


@dataclass(frozen=True, slots=True)
class Step:
    """``layer`` is the one it made: none where it made none, or where nobody can tell."""

    instruction: str
    created: str
    comment: str
    layer: Descriptor | None


def build_steps(history: Sequence[HistoryEntry], layers: Sequence[Descriptor]) -> list[Step]:
    """The history, oldest first. Where it tells of other layers than there are, without them."""
    fits = sum(not entry.is_empty for entry in history) == len(layers)
    return list(_steps(history, iter(layers if fits else ())))


def _steps(history: Sequence[HistoryEntry], left: Iterator[Descriptor]) -> Iterator[Step]:
    for entry in history:
        layer = None if entry.is_empty else next(left, None)
        yield Step(instruction(entry.created_by), entry.created, entry.comment, layer)


def instruction(created_by: str) -> str:
    """What a Containerfile would say, of what builders write."""
    plain = created_by.strip().removesuffix(_BUILDKIT).rstrip()
    text = plain.removeprefix("RUN ")
    if (shell := _SHELL.match(text)) is None:
        return plain
    rest = text[shell.end() :].strip()
    if rest.startswith(_NOTHING):
        return rest.removeprefix(_NOTHING).strip()
    return f"RUN {rest}"

"""Rooms that one can look over: few files in each, whole ones, and no two names for one room."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.live import ROOT

FLOORS = ("artifacts", "accounts", "registry", "ui", "config")
MOST_FILES = 12
MEDIAN_LINES = (80, 130)
_NO_ROOMS = {"migrations", "commands", "templatetags"}  # Django's: one file for each thing


def modules(floor: str) -> Iterator[Path]:
    for path in sorted((ROOT / floor).rglob("*.py")):
        if path.name != "__init__.py" and not _NO_ROOMS & set(path.parts):
            yield path


def rooms(floor: str) -> dict[Path, int]:
    counts: dict[Path, int] = {}
    for path in modules(floor):
        counts[path.parent] = counts.get(path.parent, 0) + 1
    return counts


@pytest.mark.parametrize("floor", FLOORS)
def test_no_room_has_more_files_than_one_can_look_over(floor: str) -> None:
    full = {str(room): count for room, count in rooms(floor).items() if count > MOST_FILES}

    assert full == {}


def test_half_of_the_files_are_neither_slivers_nor_attics() -> None:
    lengths = [len(path.read_text().splitlines()) for floor in FLOORS for path in modules(floor)]

    assert MEDIAN_LINES[0] <= median(lengths) <= MEDIAN_LINES[1]

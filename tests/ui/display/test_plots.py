"""Plots draw what is known: each day at its place, and nothing that nobody measured."""

import re
from datetime import date, timedelta

import pytest

from ui.display.plots import byte_ticks, sizes_over_time

FIRST = date(2026, 11, 1)
KIB = 1024


def days(*rows: tuple[int, int]) -> list[tuple[date, int]]:
    return [(FIRST + timedelta(days=number), size) for number, size in rows]


def line_of(drawn: str) -> list[tuple[float, float]]:
    points = re.search(r'polyline class="line" points="([^"]*)"', drawn)
    assert points is not None
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in points[1].split())]


def test_one_day_is_a_dot_and_no_area() -> None:
    drawn = sizes_over_time(days((0, KIB)), "Storage")

    assert "polygon" not in drawn
    assert 'class="dot"' in drawn


def test_the_area_ends_below_its_last_day() -> None:
    drawn = sizes_over_time(days((0, KIB), (1, KIB)), "Storage")

    area = re.search(r'class="area" points="([^"]*)"', drawn)
    assert area is not None
    assert area[1].split()[-1].split(",")[0] == area[1].split()[-2].split(",")[0]


def test_a_gap_of_days_is_as_wide_as_it_was() -> None:
    (first, _), (second, _), (last, _) = line_of(
        sizes_over_time(days((0, 1), (1, 1), (10, 1)), "Storage")
    )

    assert (second - first) / (last - first) == pytest.approx(0.1, abs=0.01)


def test_nothing_is_drawn_where_nothing_is_known() -> None:
    assert "<line" not in sizes_over_time([], "Storage")


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (4 * KIB, [0, KIB, 2 * KIB, 3 * KIB, 4 * KIB]),
        (1000 * KIB, [0, 250 * KIB, 500 * KIB, 750 * KIB, 1000 * KIB]),
        (7 * KIB**3, [0, int(2.5 * KIB**3), 5 * KIB**3, int(7.5 * KIB**3)]),
    ],
)
def test_marks_are_round(most: int, ticks: list[int]) -> None:
    assert byte_ticks(most) == ticks


@pytest.mark.parametrize("most", [*range(1, 3000, 7), 10**9, 2**40 - 1, 2**63, 10**20])
def test_marks_are_few_and_reach_the_most(most: int) -> None:
    ticks = byte_ticks(most)

    assert len(ticks) <= 5
    assert ticks[-1] >= most

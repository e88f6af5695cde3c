"""The ``Range`` header: a table of what it may say."""

import pytest

from registry.api.http.ranges import MAX_RANGES, Part, RangeNotSatisfiable, parse_range

SIZE = 10

ONE_PART = [
    ("bytes=0-0", (0, 1)),
    ("bytes=0-4", (0, 5)),
    ("bytes=9-9", (9, 10)),
    ("bytes=3-", (3, 10)),
    ("bytes=0-", (0, 10)),
    ("bytes=0-9", (0, 10)),
    ("bytes=0-10", (0, 10)),
    ("bytes=5-9999999999999999999", (5, 10)),
    ("bytes=-1", (9, 10)),
    ("bytes=-10", (0, 10)),
    ("bytes=-11", (0, 10)),
    ("bytes=-9999999999999999999", (0, 10)),
    ("Bytes=0-4", (0, 5)),
    (" bytes = 0-4 ", (0, 5)),
    ("bytes=,0-4,,", (0, 5)),
    ("bytes=0-4,20-30", (0, 5)),
    ("bytes=007-8", (7, 9)),
]
SEVERAL_PARTS = [
    ("bytes=0-1,3-4", [(0, 2), (3, 5)]),
    ("bytes=3-4,0-1", [(3, 5), (0, 2)]),
    ("bytes=0-0 , -1", [(0, 1), (9, 10)]),
    ("bytes=0-2,1-3", [(0, 3), (1, 4)]),
]
IGNORED = [
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes=-",
    "bytes=a-b",
    "bytes=0-b",
    "bytes=+0-4",
    "bytes=0 - 4",
    "bytes=0-4-5",
    "bytes=0--4",
    "bytes=0x0-0x4",
    "bytes=\u0661-\u0662",
    "bytes=0-4;5-6",
    "bytes=0-4,x",
    "bytes:0-4",
    "items=0-4",
    "0-4",
    "bytes=0-9,0-9",
    "bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)),
]
UNSATISFIABLE = [
    "bytes=10-",
    "bytes=10-12",
    "bytes=-0",
    "bytes=4-3",
    "bytes=10-,20-",
    "bytes=9-0",
    "bytes=99999999999999999999-",
]


@pytest.mark.parametrize(("header", "part"), ONE_PART)
def test_a_range_names_some_bytes(header: str, part: tuple[int, int]) -> None:
    assert parse_range(header, SIZE) == [Part(*part)]


@pytest.mark.parametrize(("header", "parts"), SEVERAL_PARTS)
def test_several_ranges_come_in_the_order_asked_for(
    header: str, parts: list[tuple[int, int]]
) -> None:
    assert parse_range(header, SIZE) == [Part(*part) for part in parts]


@pytest.mark.parametrize("header", IGNORED)
def test_what_is_no_range_is_ignored(header: str) -> None:
    assert parse_range(header, SIZE) == []


@pytest.mark.parametrize("header", UNSATISFIABLE)
def test_a_range_beyond_the_end_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, SIZE)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-1"])
def test_nothing_has_no_range_that_can_be_satisfied(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 0)


def test_a_part_is_told_with_its_last_byte() -> None:
    assert Part(0, 5).content_range(10) == "bytes 0-4/10"
    assert Part(0, 5).length == 5

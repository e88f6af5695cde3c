"""The grammar of lifetimes."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.oci.lifetimes import MAX_SECONDS, LifetimeInvalid, parse_lifetime, written_lifetime

UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}


@pytest.mark.parametrize("unit", UNITS)
def test_a_lifetime_is_a_whole_number_and_a_unit(unit: str) -> None:
    assert parse_lifetime(f"3{unit}") == 3 * UNITS[unit]


@pytest.mark.parametrize("text", [" 2w", "2 w", "2w ", "+2w", "02w"])
def test_what_quay_overlooks_is_overlooked(text: str) -> None:
    assert parse_lifetime(text) == timedelta(weeks=2)


def test_no_time_at_all_is_a_lifetime() -> None:
    assert parse_lifetime("0s") == timedelta(0)


@pytest.mark.parametrize(
    "text",
    ["", "w", "2", "2W", "2 weeks", "-1d", "1.5h", "1w2d", "2d\n", "\t2d", "1_0d", "٢d", "2M", "∞"],
)
def test_anything_else_is_no_lifetime(text: str) -> None:
    with pytest.raises(LifetimeInvalid, match="is no lifetime: write a whole number and one of"):
        parse_lifetime(text)


@pytest.mark.parametrize("text", ["1001y", "99999999999999999999s"])
def test_a_lifetime_that_no_date_can_hold_is_refused(text: str) -> None:
    with pytest.raises(LifetimeInvalid, match="longer than 1000 years"):
        parse_lifetime(text)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_lifetime_or_refused_in_one_short_line_of_ascii(text: str) -> None:
    try:
        lifetime = parse_lifetime(text)
    except LifetimeInvalid as error:
        said = str(error)
        assert said.isascii()
        assert "\n" not in said
        assert len(said) < 600
    else:
        assert timedelta(0) <= lifetime <= timedelta(days=365_000)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=1000), st.sampled_from(sorted(UNITS)))
def test_every_number_of_every_unit_counts_exactly(number: int, unit: str) -> None:
    assert parse_lifetime(f"{number}{unit}") == number * UNITS[unit]


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=MAX_SECONDS))
def test_a_written_lifetime_is_read_as_the_same(seconds: int) -> None:
    assert parse_lifetime(written_lifetime(seconds)).total_seconds() == seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(90, "90s"), (120, "2m"), (172_800, "2d"), (1_209_600, "2w")]
)
def test_a_lifetime_is_written_in_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    assert written_lifetime(seconds) == text

"""The grammar of lifetimes, and what annotations, labels and images ask for."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.oci.expiry import (
    EXPIRES_AFTER,
    IMMUTABLE,
    ExpirySource,
    LifetimeInvalid,
    TagTerms,
    agreed_labels,
    parse_lifetime,
    terms_of,
)

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


# --- What a manifest asks for -------------------------------------------------------------------


def test_a_manifest_that_says_nothing_asks_for_nothing() -> None:
    assert terms_of({"a": "b"}, {"c": "d"}) == TagTerms()


def test_a_label_counts() -> None:
    terms = terms_of({}, {EXPIRES_AFTER: "1h"})

    assert terms == TagTerms(timedelta(hours=1), ExpirySource.LABEL)


def test_an_annotation_wins_over_a_label() -> None:
    terms = terms_of({EXPIRES_AFTER: "2h"}, {EXPIRES_AFTER: "1h"})

    assert terms == TagTerms(timedelta(hours=2), ExpirySource.ANNOTATION)


def test_an_annotation_of_no_time_lifts_the_label() -> None:
    assert terms_of({EXPIRES_AFTER: "0s"}, {EXPIRES_AFTER: "1h"}) == TagTerms()


@pytest.mark.parametrize("text", ["2 days", "-1d", "5000y", '"\\\u2028'])
def test_a_bad_lifetime_is_a_warning_and_no_expiry(text: str) -> None:
    terms = terms_of({EXPIRES_AFTER: text}, {EXPIRES_AFTER: "1h"})

    assert terms.lifetime is None
    assert terms.source is ExpirySource.NONE
    (warning,) = terms.warnings
    assert warning.startswith("quay.expires-after: ")
    assert warning.endswith("; the tag does not expire")
    assert warning.isascii()


@pytest.mark.parametrize(("text", "expected"), [("true", True), (" True", True), ("false", False)])
def test_a_label_makes_immutable(text: str, expected: bool) -> None:
    assert terms_of({}, {IMMUTABLE: text}) == TagTerms(is_immutable=expected)


def test_a_bad_word_for_immutable_is_a_warning() -> None:
    terms = terms_of({IMMUTABLE: "yes"}, {})

    assert not terms.is_immutable
    assert terms.warnings == (
        "quay.immutable: 'yes' is neither true nor false; the tag is not immutable",
    )


# --- What the images of an index agree on -------------------------------------------------------


def test_what_all_images_say_counts() -> None:
    assert agreed_labels([{EXPIRES_AFTER: "1w", "a": "b"}, {EXPIRES_AFTER: "1w"}]) == (
        {EXPIRES_AFTER: "1w"},
        (),
    )


@pytest.mark.parametrize("other", [{}, {EXPIRES_AFTER: "2w"}])
def test_what_only_some_images_say_is_a_warning(other: dict[str, str]) -> None:
    agreed, (warning,) = agreed_labels([{EXPIRES_AFTER: "1w"}, other])

    assert agreed == {}
    assert "do not all say the same" in warning


def test_images_that_say_nothing_agree_on_nothing() -> None:
    assert agreed_labels([{}, {"a": "b"}]) == ({}, ())
    assert agreed_labels([]) == ({}, ())

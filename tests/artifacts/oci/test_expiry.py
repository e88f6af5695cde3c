"""What annotations, labels and images ask for."""

from datetime import timedelta

import pytest

from artifacts.oci.expiry import (
    EXPIRES_AFTER,
    IMMUTABLE,
    ExpirySource,
    TagTerms,
    agreed_labels,
    terms_of,
)


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

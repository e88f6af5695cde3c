"""What an image's config says, whatever it is like."""

import json
from typing import Any

import pytest

from artifacts.images.config import ConfigUnreadable, ImageConfig, Settings


def parse(**said: Any) -> ImageConfig:
    return ImageConfig.parse(json.dumps(said).encode())


@pytest.mark.parametrize("history", [None, []])
def test_no_history_is_none(history: Any) -> None:
    assert parse(history=history).history == ()
    assert ImageConfig.parse(b"{}").history == ()


def test_an_entry_that_says_nothing_made_a_layer() -> None:
    config = parse(history=[None, {}, {"created_by": None, "empty_layer": None}])

    assert [entry.is_empty for entry in config.history] == [False, False, False]
    assert {entry.created_by for entry in config.history} == {""}


@pytest.mark.parametrize("history", [{}, "", 0, False, "text", [1], [[]]])
def test_a_history_of_another_type_is_none(history: Any) -> None:
    with pytest.raises(ConfigUnreadable, match="a history that is no list of objects"):
        parse(history=history)


def test_a_moment_that_nobody_set_is_not_told() -> None:
    zero = "0001-01-01T00:00:00Z"

    assert Settings.of({"created": zero}).created == ""
    assert parse(history=[{"created": zero}]).history[0].created == ""
    assert Settings.of({"created": "1970-01-01T00:00:00Z"}).created == "1970-01-01T00:00:00Z"

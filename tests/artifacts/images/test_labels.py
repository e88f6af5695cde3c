"""The labels of an image's config, whatever the config is."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.images.config import MAX_CONFIG_BYTES, labels_of


def config(**settings: Any) -> bytes:
    return json.dumps({"architecture": "amd64", "config": settings}).encode()


def test_the_labels_of_a_config() -> None:
    assert labels_of(config(Cmd=["/x"], Labels={"a": "b", "c": ""})) == {"a": "b", "c": ""}


def test_only_text_under_a_name_is_a_label() -> None:
    labels = {"a": "b", "number": 1, "none": None, "list": ["x"], "object": {}, "": "nameless"}

    assert labels_of(config(Labels=labels)) == {"a": "b"}


@pytest.mark.parametrize("labels", [None, [], "a=b", 3, ["a", "b"]])
def test_labels_of_another_type_are_none(labels: object) -> None:
    assert labels_of(config(Labels=labels)) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"Labels"',
        b"{",
        b'{"config": null}',
        b'{"config": []}',
        b'{"config": "Labels"}',
        b"\xff\xfe",
        b'{"config": {"Labels": {"a": "\xff"}}}',
        b'{"config": {"Labels": {"a": NaN}}}',
        b"{" + b'"a":{' * 100_000,
        b"[" * 1_000_000,
        b'{"n": ' + b"9" * 10_000 + b', "config": {"Labels": {"a": "b"}}}',
    ],
)
def test_what_is_no_config_has_no_labels(content: bytes) -> None:
    assert labels_of(content) == {}


@pytest.mark.parametrize(
    "content",
    [
        b'{"config": {"Labels": {"a": "1", "a": "2"}}}',
        b'{"config": {"Labels": {"a": "1"}, "Labels": {"a": "2"}}}',
        b'{"config": {"Labels": {"a": "1"}}, "config": {"Labels": {"a": "2"}}}',
    ],
)
def test_a_config_with_two_readings_has_no_labels(content: bytes) -> None:
    assert labels_of(content) == {}


def test_a_config_that_is_too_large_is_not_read() -> None:
    small = config(Labels={"a": "b"})

    assert labels_of(small + b" " * (MAX_CONFIG_BYTES - len(small))) == {"a": "b"}
    assert labels_of(small + b" " * (MAX_CONFIG_BYTES - len(small) + 1)) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["config", "Labels", "a", ""]), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(JSON)
def test_any_document_has_labels_of_text(document: Any) -> None:
    labels = labels_of(json.dumps(document).encode())

    assert all(isinstance(text, str) for pair in labels.items() for text in pair)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_have_labels(content: bytes) -> None:
    assert isinstance(labels_of(content), dict)

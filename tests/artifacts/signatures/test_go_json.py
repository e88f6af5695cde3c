"""JSON of signatures, read as programs in Go read it."""

import pytest

from artifacts.signatures.go_json import Ambiguous, read_object


def test_what_is_no_text_is_replaced_wherever_it_stands() -> None:
    content = b'{"a\\ud83d": ["half \\ud83d", {"b": "nul \\u0000"}]}'

    assert read_object(content) == {"a\ufffd": ["half \ufffd", {"b": "nul \ufffd"}]}


def test_names_that_differ_in_what_is_no_text_are_ambiguous() -> None:
    with pytest.raises(Ambiguous, match="stands twice"):
        read_object(b'{"\\ud83d": 1, "\\ud83e": 2}')

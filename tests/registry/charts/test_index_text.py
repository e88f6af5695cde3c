"""Whatever a chart says of itself is one scalar of the index to a reader of YAML."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from registry.charts.index import _json

HOSTILE = [
    *("yes", "1e3", "0x1", "0o7", "1_000", ".inf", "~", "null", "2001-01-01", "=", "<<"),
    *("!!python/object/apply:os.system [id]", "&a *a", "<<: *x", "%YAML 1.1", "# c", ": "),
    *("--- \n...", "a\r\nb", "a\u0085b", "a\u2028b", "a\u2029b", "\ufeffx", "\t", "a\x7fb"),
    *("\x1b[0m", "\x9f", "\ud7ff", "\ue000", "\ufffe", "\uffff", "\U0010ffff", "'", '"', "\\x41"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_read_back_as_it_was(text: str) -> None:
    document = {"entries": {text: [{"version": text, "annotations": {text: text, "<<": text}}]}}

    assert yaml.safe_load(_json(document)) == document


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(_json({"a": text, "b": [text]})) == {"a": text, "b": [text]}

"""Allowed types as people write them."""

import pytest

from artifacts.policy.presets import PRESETS, Preset
from artifacts.policy.types_text import TypesInvalid, check_types, read_types, write_types

DOCUMENTED = """\
application/vnd.oci.image.config.v1+json:
- application/vnd.dev.cosign.simplesigning.v1+json
application/vnd.cncf.helm.config.v1+json:
- application/tar+gzip

application/vnd.sylabs.sif.config.v1+json:
  - application/vnd.sylabs.sif.layer.v1+tar  # as the documentation spells it
"""


def test_the_documented_form_is_read() -> None:
    assert read_types(DOCUMENTED) == {
        "application/vnd.oci.image.config.v1+json": [
            "application/vnd.dev.cosign.simplesigning.v1+json"
        ],
        "application/vnd.cncf.helm.config.v1+json": ["application/tar+gzip"],
        "application/vnd.sylabs.sif.config.v1+json": ["application/vnd.sylabs.sif.layer.v1+tar"],
    }


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_written_is_read_back(preset: Preset) -> None:
    pairs = PRESETS[preset].pairs

    assert read_types(write_types(pairs)) == {key: list(pairs[key]) for key in pairs}


@pytest.mark.parametrize("text", ["", "  \n", "# nothing yet\n"])
def test_no_text_allows_no_types(text: str) -> None:
    assert read_types(text) == {}


def test_a_layer_named_twice_counts_once() -> None:
    assert read_types("a/b: [c/d, c/d]") == {"a/b": ["c/d"]}


MISTAKES = {
    "a word": ("images", "must be lines such as"),
    "a list": ("- a/b\n- c/d", "must be lines such as"),
    "a type without layers": ("a/b:\n", "need a list of layer types below a/b ([] for none)"),
    "a layer that is no list": ("a/b: c/d\n", "need a list of layer types below a/b"),
    "a config that is no type": ("images: [a/b]\n", "have 'images', which is no media type"),
    "a layer that is no type": ("a/b:\n- gzip\n", "have 'gzip', which is no media type"),
    "a number": ("a/b: [7]\n", "have '7', which is no media type"),
    "a nested list": ("a/b: [[c/d]]\n", "which is no media type"),
    "the same type twice": ("a/b: [c/d]\na/b: [e/f]\n", "have a/b twice"),
    "an open bracket": ("a/b: [c/d\n", "cannot be read:"),
    "a tab": ("a/b:\n\t- c/d\n", "cannot be read: found character '\\t'"),
    "a character that YAML has not": ("a/b: [\x01]", "cannot be read; expected"),
    "a mapping for a key": ("{a: b}: [c/d]\n", "cannot be read:"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake: str) -> None:
    text, words = MISTAKES[mistake]

    with pytest.raises(TypesInvalid) as caught:
        read_types(text)

    assert words in str(caught.value)


def test_broken_yaml_is_named_with_its_line() -> None:
    with pytest.raises(TypesInvalid, match=r"\(line 2\)"):
        read_types("a/b: [c/d]\n- e/f\n")


def test_values_that_did_not_come_from_text_are_checked_alike() -> None:
    assert check_types({"a/b": ["c/d"]}) == {"a/b": ["c/d"]}
    for value in (None, "images", ["a/b"], {"a/b": None}):
        with pytest.raises(TypesInvalid):
            check_types(value)


def test_types_are_written_in_their_order_and_one_a_line() -> None:
    long = "application/" + "b" * 100

    assert write_types({"a/z": [long], "a/a": []}) == f"a/z:\n- {long}\na/a: []\n"

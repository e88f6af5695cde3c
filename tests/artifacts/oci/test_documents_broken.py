"""Bodies that are no JSON, or JSON that two readers would read differently."""

import json

import pytest

from artifacts.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.artifacts.oci.test_documents import image, index
from tests.artifacts.oci.test_documents_illegal import Document, assert_refused


def encode(document: Document) -> bytes:
    return json.dumps(document).encode()


NO_MANIFEST = [
    b"",
    b" ",
    b"\n",
    b"null",
    b"true",
    b"1",
    b'"text"',
    b"[]",
    b"[{}]",
    b"{}",
    b"{",
    b"}",
    b"{]",
    b'{"a"}',
    b'{"a":}',
    b"{'a': 1}",
    b"{a: 1}",
    b"\x00",
    b"\xff\xfe{\x00}\x00",
    b"<html></html>",
    b"schemaVersion: 2",
    b"%PDF-1.7",
    b"\x1f\x8b\x08\x00",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
]

# Where ``@`` stands in a valid document, and what is put there.
INSERTED = {
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "-Infinity": b"-Infinity",
    "undefined": b"undefined",
    "comment": b"1 /* one */",
    "plus": b"+1",
    "leading zero": b"01",
    "trailing dot": b"1.",
    "leading dot": b".5",
    "hex": b"0x10",
    "single quotes": b"'a'",
    "control character": b'"a\x01b"',
    "newline in text": b'"a\nb"',
    "tab in text": b'"a\tb"',
    "bad escape": b'"\\x41"',
    "half escape": b'"\\u00"',
    "bad UTF-8": b'"\xff"',
    "cut UTF-8": b'"\xe2\x82"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "surrogate in UTF-8": b'"\xed\xa0\x80"',
    "trailing comma": b"[1,]",
    "double comma": b"[1,,2]",
    "deep arrays": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "duplicate keys inside": b'{"a": 1, "a": 2}',
    "duplicate keys escaped": b'{"a": 1, "\\u0061": 2}',
    "duplicate keys deep": b'[{"b": [{"a": 1, "a": 1}]}]',
    "huge integer": b"9" * 10_000,
}


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX])
@pytest.mark.parametrize("body", NO_MANIFEST, ids=lambda body: repr(body[:20]))
def test_a_body_that_is_no_document(body: bytes, media_type: str) -> None:
    assert_refused(body, media_type)


@pytest.mark.parametrize("case", [case for case in INSERTED if case != "huge integer"])
def test_a_document_that_is_broken_inside(case: str) -> None:
    body = encode({**image(), "x": "@"}).replace(b'"@"', INSERTED[case])

    assert_refused(body)


def test_an_integer_of_thousands_of_digits_is_refused() -> None:
    """Python itself refuses to convert more than 4300 digits."""
    body = encode({**image(), "x": "@"}).replace(b'"@"', INSERTED["huge integer"])

    assert_refused(body)


@pytest.mark.parametrize(
    "before", [b"\xef\xbb\xbf", b"\xfe\xff", b")]}'\n", b"\x00", b"//\n", b"\xa0"], ids=repr
)
def test_something_before_the_document(before: bytes) -> None:
    assert_refused(before + encode(image()))


@pytest.mark.parametrize(
    "after", [b"x", b"{}", b"\x00", b",", b"}", b"\xef\xbb\xbf", b"//", b"\x0b"], ids=repr
)
def test_something_after_the_document(after: bytes) -> None:
    assert_refused(encode(image()) + after)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_than_utf8(encoding: str) -> None:
    body = json.dumps({**image(), "annotations": {"a": "\u00e9{"}}, ensure_ascii=False)

    assert_refused(body.encode(encoding))


@pytest.mark.parametrize("cut", [1, 10, 100, -1, -2])
def test_a_document_that_ends_early(cut: int) -> None:
    assert_refused(encode(image())[:cut])


@pytest.mark.parametrize(
    "key", ["schemaVersion", "mediaType", "config", "layers", "digest", "size", "annotations"]
)
@pytest.mark.parametrize("same", [True, False], ids=["same", "other"])
@pytest.mark.parametrize("spelling", ["plain", "escaped"])
def test_a_key_that_comes_twice(spelling: str, same: bool, key: str) -> None:
    """GHSA-mc8v-mgrf-8f4m: parsers differ in which of the two they take."""
    document = {**image(), "annotations": {}}
    first = json.dumps(key)
    twin = first if spelling == "plain" else f'"\\u{ord(key[0]):04x}{key[1:]}"'
    value = json.dumps(_value_of(document, key)) if same else "null"
    body = json.dumps(document).replace(f"{first}:", f"{twin}: {value}, {first}:", 1)

    assert_refused(body.encode())


def _value_of(document: Document, key: str) -> object:
    return document[key] if key in document else document["config"][key]


@pytest.mark.parametrize(
    "key", ["Layers", "LAYERS", "Config", "MediaType", "mediatype", "SchemaVersion", "Manifests"]
)
def test_a_key_that_differs_from_a_known_one_in_case_only(key: str) -> None:
    """Go's parser ignores case and would read the twin."""
    document = image()
    exact = next((name for name in document if name.lower() == key.lower()), "layers")

    assert_refused({**document, key: document[exact]})


@pytest.mark.parametrize("key", ["Digest", "SIZE", "mediatype", "Urls"])
def test_a_key_of_a_descriptor_that_differs_in_case_only(key: str) -> None:
    document = image()
    document["layers"][0][key] = "x"

    assert_refused(document)


@pytest.mark.parametrize("key", ["manifestS", "Manifests", "Layers", "Config", "MediaType"])
def test_a_key_of_an_index_that_differs_in_case_only(key: str) -> None:
    assert_refused({**index(), key: []}, OCI_INDEX)


def test_a_key_that_folds_to_a_known_one() -> None:
    """Go folds this letter to ``s`` as well."""
    assert_refused({**image(), "layer\u017f": []})

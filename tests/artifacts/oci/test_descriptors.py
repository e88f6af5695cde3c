"""Descriptors: what a legal one says, and where an illegal one is wrong."""

import base64
import hashlib
from typing import Any

import pytest

from artifacts.oci.descriptors import MAX_SIZE_BYTES, Descriptor, parse_descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestInvalid

CONTENT = b"hello"
DIGEST = Digest.of(CONTENT)


def descriptor(**changed: Any) -> dict[str, Any]:
    legal = {"mediaType": "text/plain", "digest": str(DIGEST), "size": len(CONTENT)}
    return {**legal, **changed}


def test_a_descriptor_says_type_digest_and_size() -> None:
    assert parse_descriptor(descriptor(), "config") == Descriptor(
        media_type="text/plain", digest=DIGEST, size=5, where="config"
    )


def test_what_a_registry_does_not_know_in_a_descriptor_is_left_alone() -> None:
    parsed = parse_descriptor(
        descriptor(
            urls=["https://example.com/layer"],
            platform={"architecture": "amd64"},
            annotations={"a": "b"},
            artifactType="application/vnd.x",
            unknown=[1, 2, {"three": None}],
        ),
        "layers[0]",
    )

    assert parsed.annotations == {"a": "b"}
    assert parsed.artifact_type == "application/vnd.x"


@pytest.mark.parametrize("optional", ["urls", "annotations", "data", "artifactType", "platform"])
def test_null_stands_for_an_optional_field_that_is_not_there(optional: str) -> None:
    assert parse_descriptor(descriptor(**{optional: None}), "config").size == 5


def test_content_in_a_descriptor_is_compared_with_its_digest_and_size() -> None:
    embedded = base64.b64encode(CONTENT).decode()

    assert parse_descriptor(descriptor(data=embedded), "config").digest == DIGEST
    with pytest.raises(ManifestInvalid, match=r"^config\.data has 4 bytes, not 5$"):
        parse_descriptor(descriptor(data=base64.b64encode(b"hell").decode()), "config")
    with pytest.raises(ManifestInvalid, match=r"^config\.data does not have the digest sha256:"):
        parse_descriptor(descriptor(data=base64.b64encode(b"hallo").decode()), "config")


@pytest.mark.parametrize("size", [0, 1, MAX_SIZE_BYTES])
def test_a_size_is_a_whole_number_of_63_bits(size: int) -> None:
    assert parse_descriptor(descriptor(size=size), "config").size == size


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        "text/plain; charset=utf-8",
        "a/b",
        "x" * 127 + "/" + "y" * 127,
    ],
)
def test_any_media_type_of_the_rfc_is_taken(media_type: str) -> None:
    assert parse_descriptor(descriptor(mediaType=media_type), "config").media_type == media_type


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "layers[3] must be an object"),
        ([], "layers[3] must be an object"),
        ("text", "layers[3] must be an object"),
        (1, "layers[3] must be an object"),
        ({}, "layers[3].mediaType must be a media type"),
        (descriptor(mediaType=None), "layers[3].mediaType must be a media type"),
        (descriptor(mediaType=""), "layers[3].mediaType must be a media type"),
        (descriptor(mediaType="text"), "layers[3].mediaType must be a media type"),
        (descriptor(mediaType="text/"), "layers[3].mediaType must be a media type"),
        (descriptor(mediaType="/plain"), "layers[3].mediaType must be a media type"),
        (descriptor(mediaType="te xt/plain"), "layers[3].mediaType must be a media type"),
        (descriptor(mediaType="text/plain\n"), "layers[3].mediaType must be a media type"),
        (descriptor(mediaType="text/ä"), "layers[3].mediaType must be a media type"),
        (descriptor(mediaType=7), "layers[3].mediaType must be a media type"),
        (descriptor(mediaType="x" * 128 + "/y"), "layers[3].mediaType must be a media type"),
        (descriptor(digest=None), "layers[3].digest must be a string"),
        (descriptor(digest=5), "layers[3].digest must be a string"),
        (descriptor(digest=""), "layers[3].digest: '' is not a digest"),
        (descriptor(digest="sha256:abc"), "layers[3].digest: 'sha256:abc' is not a digest"),
        (descriptor(digest="md5:" + "a" * 32), "layers[3].digest: digest algorithm 'md5' is not"),
        (descriptor(size=None), "layers[3].size must be a whole number"),
        (descriptor(size="5"), "layers[3].size must be a whole number"),
        (descriptor(size=5.0), "layers[3].size must be a whole number"),
        (descriptor(size=True), "layers[3].size must be a whole number"),
        (descriptor(size=-1), "layers[3].size must be from 0"),
        (descriptor(size=MAX_SIZE_BYTES + 1), "layers[3].size must be from 0"),
        (descriptor(annotations=[]), "layers[3].annotations must be an object"),
        (descriptor(annotations="a"), "layers[3].annotations must be an object"),
        (descriptor(annotations={"a": 1}), "layers[3].annotations['a'] must be a string"),
        (descriptor(annotations={"a": None}), "layers[3].annotations['a'] must be a string"),
        (descriptor(urls="https://x"), "layers[3].urls must be a list of strings"),
        (descriptor(urls=[1]), "layers[3].urls must be a list of strings"),
        (descriptor(data=5), "layers[3].data must be a base64 string"),
        (descriptor(data="?"), "layers[3].data is not base64"),
        (descriptor(data="aGVsbG8"), "layers[3].data is not base64"),
        (descriptor(data="aGVs bG8="), "layers[3].data is not base64"),
        (descriptor(data="äöü="), "layers[3].data is not base64"),
        (descriptor(artifactType=5), "layers[3].artifactType must be a media type"),
        (descriptor(artifactType="x"), "layers[3].artifactType must be a media type"),
        (descriptor(Digest="x"), "layers[3] has the key 'Digest'; the field is spelled 'digest'"),
        (descriptor(SIZE=5), "layers[3] has the key 'SIZE'; the field is spelled 'size'"),
        (descriptor(mediatype="a/b"), "layers[3] has the key 'mediatype'"),
        (descriptor(**{"\u017fize": 9}), "the field is spelled 'size'"),
    ],
)
def test_an_illegal_descriptor_is_refused_with_the_place(value: Any, says: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        parse_descriptor(value, "layers[3]")

    assert says in str(caught.value)
    assert caught.value.status == 400


def test_embedded_data_is_held_to_the_algorithm_of_its_digest() -> None:
    digest = f"sha512:{hashlib.sha512(b'hello').hexdigest()}"
    embedded = base64.b64encode(b"hello").decode()

    assert (
        str(parse_descriptor(descriptor(digest=digest, data=embedded), "config").digest) == digest
    )

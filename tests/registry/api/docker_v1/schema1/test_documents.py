"""Docker's first manifests: what is read of them, and what is refused."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.kinds.kinds import Kind, kind_of
from artifacts.oci.descriptors import UNKNOWN_SIZE
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestInvalid, ManifestTypeUnsupported
from artifacts.oci.media_types import OCI_MANIFEST
from registry.api.docker_v1.schema1.documents import MAX_LAYERS, Schema1
from tests.registry.api.docker_v1.schema1.made import (
    SCHEMA1,
    SCHEMA1_SIGNED,
    Document,
    schema1,
    signed,
    v1_image,
    written,
)

ONE, TWO = (str(Digest.of(content)) for content in (b"one", b"two"))
DOCUMENT = schema1(TWO, ONE)
ANY_INPUT = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def parse(document: Document) -> Schema1:
    return Schema1.parse(written(document))


def test_an_unsigned_manifest_says_who_it_is_and_what_it_needs() -> None:
    body = written(DOCUMENT)

    parsed = ManifestDocument.parse(body, SCHEMA1)

    assert parsed.place == ("acme/web", "v1")
    assert parsed.media_type == SCHEMA1
    assert [str(layer.digest) for layer in parsed.required_blobs()] == [TWO, ONE]
    assert {layer.size for layer in parsed.layers} == {UNKNOWN_SIZE}
    assert parsed.digest_of(body) == Digest.of(body)
    assert kind_of(parsed) == Kind.IMAGE
    assert (parsed.artifact_type, parsed.config_media_type) == ("", "")


@pytest.mark.parametrize("content_type", [SCHEMA1, SCHEMA1_SIGNED, "application/json", ""])
@pytest.mark.parametrize("is_signed", [True, False])
def test_the_body_decides_whether_the_type_is_the_signed_one(
    content_type: str, is_signed: bool
) -> None:
    payload = written(DOCUMENT)
    body = signed(payload) if is_signed else payload

    parsed = ManifestDocument.parse(body, content_type)

    assert parsed.media_type == (SCHEMA1_SIGNED if is_signed else SCHEMA1)
    assert parsed.digest_of(body) == Digest.of(payload)
    assert parsed.digest_of(body, "sha512") == Digest.of(payload, "sha512")


@pytest.mark.parametrize("name", ["signatures", "config", "layers", "manifests", "subject"])
def test_null_stands_for_what_is_not_there(name: str) -> None:
    document = {**DOCUMENT, name: None}

    assert not parse(document).is_signed
    assert parse(document).layers == parse(DOCUMENT).layers


def test_json_of_no_schema_that_is_told_stays_unsupported() -> None:
    with pytest.raises(ManifestTypeUnsupported):
        ManifestDocument.parse(written({**DOCUMENT, "schemaVersion": 2}), "application/json")
    with pytest.raises(ManifestTypeUnsupported):
        ManifestDocument.parse(written({**DOCUMENT, "mediaType": OCI_MANIFEST}), "application/json")


ILLEGAL: list[tuple[Document, str]] = [
    ({"schemaVersion": 2}, "schemaVersion must be 1"),
    ({"schemaVersion": True}, "schemaVersion must be 1"),
    ({"schemaVersion": "1"}, "schemaVersion must be 1"),
    ({"mediaType": OCI_MANIFEST}, "mediaType is not the one of schema 1"),
    ({"mediaType": []}, "mediaType is not the one of schema 1"),
    ({"config": {}}, "a schema 1 manifest has no config"),
    ({"layers": []}, "a schema 1 manifest has no layers"),
    ({"manifests": []}, "a schema 1 manifest has no manifests"),
    ({"FsLayers": []}, "the manifest has the key 'FsLayers'"),
    ({"name": ""}, "name must be the repository's name"),
    ({"name": "Acme"}, "name must be the repository's name"),
    ({"name": 1}, "name must be the repository's name"),
    ({"tag": "-"}, "tag must be a tag"),
    ({"tag": None}, "tag must be a tag"),
    ({"architecture": 64}, "architecture must be a string"),
    ({"fsLayers": []}, "fsLayers must be a list of 1 to"),
    ({"fsLayers": {}}, "fsLayers must be a list of 1 to"),
    ({"fsLayers": [{"blobSum": ONE}] * (MAX_LAYERS + 1)}, "fsLayers must be a list of 1 to"),
    ({"fsLayers": [ONE, TWO]}, "fsLayers[0] must be an object with the string blobSum"),
    ({"fsLayers": [{"blobSum": 1}]}, "fsLayers[0] must be an object with the string blobSum"),
    ({"fsLayers": [{"blobSum": "md5"}]}, "fsLayers[0].blobSum: 'md5' is not a digest"),
    ({"fsLayers": [{"blobSum": ONE}]}, "fsLayers has 1 entries and history 2"),
    ({"history": None}, "history must be a list of 1 to"),
    ({"history": [{}]}, "history[0] must be an object with the string v1Compatibility"),
    ({"history": [{"v1Compatibility": "{"}]}, "history[0].v1Compatibility: not JSON"),
    ({"history": [{"v1Compatibility": "[]"}]}, "history[0].v1Compatibility: "),
    ({"history": [{"v1Compatibility": '{"a":1,"a":1}'}]}, "appears twice"),
    ({"history": [{"v1Compatibility": "{}"}]}, "history[0].v1Compatibility must have an id"),
    ({"history": [v1_image("a/b")]}, "history[0].v1Compatibility must have an id"),
    ({"history": [v1_image("a" * 129)]}, "history[0].v1Compatibility must have an id"),
    ({"history": [v1_image("a", "../b")]}, "history[0].v1Compatibility.parent must be an id"),
    ({"history": [v1_image("2"), v1_image("1", "2")]}, "history[1] has a parent that is none"),
    ({"history": [v1_image("1", "1")]}, "history[0] has a parent that is none"),
]


@pytest.mark.parametrize(("changed", "says"), ILLEGAL)
def test_an_illegal_manifest_is_refused_with_the_place(changed: Document, says: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        parse({**DOCUMENT, **changed})

    assert says in caught.value.reason
    assert caught.value.status == 400


@pytest.mark.parametrize("missing", ["schemaVersion", "name", "tag", "fsLayers", "history"])
def test_a_manifest_must_say_all_that_counts(missing: str) -> None:
    with pytest.raises(ManifestInvalid, match=missing):
        parse({key: value for key, value in DOCUMENT.items() if key != missing})


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'"acme/web"', b'"acme/bad"'),
        lambda body: body.replace(b'"schemaVersion"', b'"more": 1, "schemaVersion"'),
        lambda body: body[:-2] + b', "more": 1' + body[-2:],
        lambda body: body.replace(b'"signatures"', b'"more": 1, "signatures"'),
        lambda body: body.replace(b'"name": "acme/web"', b'"name" : "acme/web"'),
    ],
)
def test_a_signed_manifest_cannot_be_changed_anywhere(change: Callable[[bytes], bytes]) -> None:
    body = signed(written(DOCUMENT))
    Schema1.parse(body)

    with pytest.raises(ManifestInvalid):
        Schema1.parse(change(body))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@ANY_INPUT
@given(st.dictionaries(st.sampled_from(sorted({*DOCUMENT, "signatures"})), _JSON))
def test_whatever_a_field_holds_is_read_or_refused(changed: dict[str, Any]) -> None:
    body = json.dumps({**DOCUMENT, **changed}).encode()

    with suppress(ManifestInvalid):
        assert ManifestDocument.parse(body, SCHEMA1).digest_of(body) == Digest.of(body)


@ANY_INPUT
@given(_JSON)
def test_whatever_a_history_says_is_read_or_refused(said: Any) -> None:
    history = [{"v1Compatibility": json.dumps(said)}, v1_image("1")]

    with suppress(ManifestInvalid):
        assert parse({**DOCUMENT, "history": history}).history[0] == said

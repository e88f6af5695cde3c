"""Manifests and indexes: what the legal ones say, and where the illegal ones are wrong."""

import json
from typing import Any

import pytest

from artifacts.oci.digest import Digest
from artifacts.oci.documents import MAX_DESCRIPTORS, ManifestDocument
from artifacts.oci.errors import ManifestInvalid, ManifestTypeUnsupported
from artifacts.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

CONFIG = {"mediaType": "application/vnd.x.config", "digest": str(Digest.of(b"{}")), "size": 2}
LAYER = {"mediaType": "application/x-layer", "digest": str(Digest.of(b"layer")), "size": 5}
CHILD = {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(b"child")), "size": 5}
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
NOT_THERE: Any = object()


def image(**changed: Any) -> dict[str, Any]:
    legal = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": [LAYER]}
    return {k: v for k, v in {**legal, **changed}.items() if v is not NOT_THERE}


def index(**changed: Any) -> dict[str, Any]:
    legal = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [CHILD]}
    return {k: v for k, v in {**legal, **changed}.items() if v is not NOT_THERE}


def parse(document: Any, content_type: str = "") -> ManifestDocument:
    return ManifestDocument.parse(json.dumps(document).encode(), content_type)


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_an_image_names_its_config_and_its_layers(media_type: str) -> None:
    parsed = parse(image(mediaType=media_type), media_type)

    assert parsed.media_type == media_type
    assert [str(blob.digest) for blob in parsed.blobs()] == [CONFIG["digest"], LAYER["digest"]]
    assert [blob.where for blob in parsed.blobs()] == ["config", "layers[0]"]
    assert parsed.manifests == ()


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_names_manifests_and_no_blobs(media_type: str) -> None:
    parsed = parse(index(mediaType=media_type), media_type)

    assert [str(child.digest) for child in parsed.manifests] == [CHILD["digest"]]
    assert list(parsed.blobs()) == []
    assert parsed.config is None


def test_an_index_of_nothing_and_an_image_without_layers_are_legal() -> None:
    assert parse(index(manifests=[])).manifests == ()
    assert parse(image(layers=[])).layers == ()


NULLS: list[dict[str, Any]] = [
    image(layers=None),
    image(layers=None, mediaType=DOCKER_MANIFEST),
    index(manifests=None),
    index(manifests=None, mediaType=DOCKER_LIST),
    image(annotations=None, subject=None, artifactType=None, manifests=None),
    index(annotations=None, subject=None, artifactType=None, layers=None, config=None),
    image(config={**CONFIG, "annotations": None, "urls": None, "data": None, "platform": None}),
    image(layers=[{**LAYER, "annotations": None, "urls": None, "data": None, "platform": None}]),
    index(manifests=[{**CHILD, "platform": None, "annotations": None, "artifactType": None}]),
    index(manifests=[{**CHILD, "platform": {"os": None, "features": None, "os.features": None}}]),
    image(subject={**CHILD, "annotations": None, "urls": None, "platform": None}),
]


@pytest.mark.parametrize("document", NULLS, ids=json.dumps)
def test_null_is_how_go_writes_what_is_empty(document: dict[str, Any]) -> None:
    parsed = parse(document)

    given = {name: value for name, value in document.items() if value is not None}
    empty = {} if given.keys() & {"layers", "manifests"} else _without_content(given)
    same = parse({**given, **empty})
    assert (parsed.layers, parsed.manifests) == (same.layers, same.manifests)
    assert (parsed.annotations, parsed.subject) == (same.annotations, same.subject)


def _without_content(document: dict[str, Any]) -> dict[str, Any]:
    return {"layers": []} if "config" in document else {"manifests": []}


def test_the_digest_of_a_list_of_nothing_is_of_the_bytes_that_were_pushed() -> None:
    body = json.dumps(index(manifests=None)).encode()

    assert ManifestDocument.parse(body, "").digest_of(body) == Digest.of(body)


def test_the_content_type_says_what_a_document_without_media_type_is() -> None:
    assert parse(image(mediaType=NOT_THERE), OCI_MANIFEST).media_type == OCI_MANIFEST
    assert parse(index(mediaType=NOT_THERE), OCI_INDEX).media_type == OCI_INDEX


def test_parameters_and_case_of_the_content_type_do_not_count() -> None:
    assert parse(image(), OCI_MANIFEST.upper() + "; charset=utf-8").media_type == OCI_MANIFEST


def test_layers_that_may_live_elsewhere_are_named_but_not_required() -> None:
    parsed = parse(image(layers=[LAYER, {**LAYER, "mediaType": FOREIGN, "urls": ["https://x"]}]))

    assert [blob.where for blob in parsed.blobs()] == ["config", "layers[0]", "layers[1]"]
    assert [blob.where for blob in parsed.required_blobs()] == ["config", "layers[0]"]


def test_the_artifact_type_is_its_own_or_else_the_configs() -> None:
    assert parse(image()).artifact_type == CONFIG["mediaType"]
    assert parse(image(artifactType="")).artifact_type == CONFIG["mediaType"]
    assert parse(image(artifactType="application/vnd.x")).artifact_type == "application/vnd.x"
    assert parse(index()).artifact_type == ""
    assert parse(index(artifactType="application/vnd.x")).artifact_type == "application/vnd.x"


def test_a_subject_may_be_there_be_null_or_be_left_out() -> None:
    subject = parse(image(subject=CHILD)).subject

    assert subject
    assert str(subject.digest) == CHILD["digest"]
    assert parse(image(subject=None)).subject is None
    assert parse(index(subject=CHILD)).subject == subject


def test_annotations_are_kept_but_for_what_is_no_text() -> None:
    said = {"a": "\x00", "": "ü", "cut": "emoji \ud83d", "bidi": "\u202e"}

    assert parse(image(annotations=said)).annotations == {
        "a": "\ufffd",
        "": "ü",
        "cut": "emoji \ufffd",
        "bidi": "\u202e",
    }


def test_unknown_fields_are_left_alone() -> None:
    assert parse(image(whatever={"Layers": []}, history=[{}])).layers


ILLEGAL: list[tuple[Any, str, str]] = [
    (image(), OCI_INDEX, f"mediaType is '{OCI_MANIFEST}', but Content-Type is '{OCI_INDEX}'"),
    (index(), OCI_MANIFEST, f"mediaType is '{OCI_INDEX}', but Content-Type is '{OCI_MANIFEST}'"),
    (image(), DOCKER_MANIFEST, "mediaType is"),
    (image(mediaType=OCI_MANIFEST.upper()), OCI_MANIFEST, "mediaType is"),
    (image(mediaType=""), OCI_MANIFEST, "mediaType is ''"),
    (image(mediaType=5), "", "mediaType must be a string"),
    (image(mediaType=["x"]), OCI_MANIFEST, "mediaType must be a string"),
    (image(mediaType=NOT_THERE), "", "neither Content-Type nor mediaType"),
    (image(schemaVersion=NOT_THERE), "", "schemaVersion must be 2"),
    (image(schemaVersion=None), "", "schemaVersion must be 2"),
    (image(schemaVersion=1), "", "schemaVersion must be 2"),
    (image(schemaVersion="2"), "", "schemaVersion must be 2"),
    (image(schemaVersion=2.0), "", "schemaVersion must be 2"),
    (image(schemaVersion=True), "", "schemaVersion must be 2"),
    (image(config=NOT_THERE), "", "config must be an object"),
    (image(config=None), "", "config must be an object"),
    (image(config=[CONFIG]), "", "config must be an object"),
    (image(config={**CONFIG, "size": -1}), "", "config.size must be from 0"),
    (image(layers=NOT_THERE), "", "layers must be a list of descriptors"),
    (image(layers={}), "", "layers must be a list of descriptors"),
    (image(layers=[LAYER, 5]), "", "layers[1] must be an object"),
    (image(layers=[LAYER, {**LAYER, "digest": "x"}]), "", "layers[1].digest: 'x' is not a digest"),
    (image(manifests=[CHILD]), "", "an image manifest has config and layers, and no manifests"),
    (image(manifests=[]), "", "an image manifest has config and layers, and no manifests"),
    (image(artifactType=5), "", "artifactType must be a media type"),
    (image(artifactType="sbom"), "", "artifactType must be a media type"),
    (image(artifactType="a/b\r\nX: y"), "", "artifactType must be a media type"),
    (image(subject={}), "", "subject.mediaType must be a media type"),
    (image(subject="sha256:x"), "", "subject must be an object"),
    (image(subject={**CHILD, "digest": "x"}), "", "subject.digest: 'x' is not a digest"),
    (image(annotations=[]), "", "the manifest.annotations must be an object"),
    (image(annotations={"a": ["b"]}), "", "the manifest.annotations['a'] must be a string"),
    (image(Layers=[]), "", "the manifest has the key 'Layers'; the field is spelled 'layers'"),
    (image(MANIFESTS=[]), "", "the manifest has the key 'MANIFESTS'"),
    (image(**{"layer\u017f": []}), "", "the field is spelled 'layers'"),
    (index(manifests=NOT_THERE), "", "manifests must be a list of descriptors"),
    (index(manifests=CHILD), "", "manifests must be a list of descriptors"),
    (index(manifests=[None]), "", "manifests[0] must be an object"),
    (image(layers=[None]), "", "layers[0] must be an object"),
    (image(mediaType=None), "", "mediaType must be a string"),
    (image(config={**CONFIG, "size": None}), "", "config.size must be a whole number"),
    (image(config={**CONFIG, "digest": None}), "", "config.digest must be a string"),
    (image(config={**CONFIG, "mediaType": None}), "", "config.mediaType must be a media type"),
    (image(annotations={"a": None}), "", "annotations['a'] must be a string"),
    (image(layers=[{**LAYER, "urls": [None]}]), "", "urls must be a list of strings"),
    (image(layers=False), "", "layers must be a list of descriptors"),
    (image(layers=""), "", "layers must be a list of descriptors"),
    (index(manifests=0), "", "manifests must be a list of descriptors"),
    (index(manifests=[CHILD, {}]), "", "manifests[1].mediaType must be a media type"),
    (index(layers=[LAYER]), "", "an index has manifests, and neither config nor layers"),
    (index(layers=[]), "", "an index has manifests, and neither config nor layers"),
    (index(config=CONFIG), "", "an index has manifests, and neither config nor layers"),
    ([], OCI_MANIFEST, "a manifest must be a JSON object"),
]


@pytest.mark.parametrize(("document", "content_type", "says"), ILLEGAL)
def test_an_illegal_document_is_refused_with_the_place(
    document: Any, content_type: str, says: str
) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        parse(document, content_type)

    assert says in str(caught.value)
    assert (caught.value.code, caught.value.status) == ("MANIFEST_INVALID", 400)


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        (image(), "application/json"),
        (image(), "text/html"),
        (image(mediaType="application/vnd.oci.artifact.manifest.v1+json"), ""),
        (index(), "application/json"),
    ],
)
def test_a_type_that_is_no_manifest_is_told_so(document: Any, content_type: str) -> None:
    with pytest.raises(ManifestTypeUnsupported, match="are not supported") as caught:
        parse(document, content_type)

    assert caught.value.status == 415


def test_a_document_may_list_so_many_descriptors_and_no_more() -> None:
    assert len(parse(index(manifests=[CHILD] * 100)).manifests) == 100
    with pytest.raises(ManifestInvalid, match=f"^manifests has {MAX_DESCRIPTORS + 1} entries"):
        parse(index(manifests=[5] * (MAX_DESCRIPTORS + 1)))


def test_a_body_that_is_no_json_says_where() -> None:
    with pytest.raises(ManifestInvalid, match="line 2, column 1"):
        ManifestDocument.parse(b'{"schemaVersion": 2,\n', OCI_MANIFEST)

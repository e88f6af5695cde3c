"""Documents that are odd but legal, and must be taken and given back unchanged."""

import base64
from collections.abc import Callable

import pytest

from tests.conformance.content import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Document,
    descriptor,
    digest_of,
    encode,
    image,
    index,
    unique,
    unknown_digest,
    without,
)
from tests.conformance.repository import Repository

FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
MAXIMUM_MANIFEST_BYTES = 4 * 1024 * 1024

EXTRA_FIELDS: dict[str, Document] = {
    "unknown": {"org.example.unknown": {"a": [1, 2, {"b": None}]}, "": "", "x": True},
    "artifactType": {"artifactType": "application/vnd.example.sbom.v1+json"},
    "unicode": {"annotations": {"titel": "Größe 日本語 \U0001f600 \u202e", "é": "\u00a0"}},
    "html": {"annotations": {"a": "<script>alert(1)</script>", "b": "'; drop table x; --"}},
    "no annotations": {"annotations": {}},
    "empty annotation": {"annotations": {"": "", "a": ""}},
    "big annotations": {"annotations": {f"key-{n}": "A" * 10_000 for n in range(100)}},
    "many annotations": {"annotations": {f"key-{n}": str(n) for n in range(5_000)}},
    "control characters": {"annotations": {"a": "\u0001\u001f\u007f\n\t"}},
    "urls as unknown field": {"urls": ["https://example.org"]},
    "near keys": {"layer": [], "manifest": {}, "subjects": [], "media_type": "x"},
    "deep": {"x": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]},
}


@pytest.mark.parametrize("extra", EXTRA_FIELDS)
@pytest.mark.parametrize("kind", ["image", "index"])
def test_fields_beyond_the_required_ones(kind: str, extra: str, repository: Repository) -> None:
    fields = EXTRA_FIELDS[extra]
    document = repository.image_document(**fields) if kind == "image" else index([], **fields)
    media_type = OCI_MANIFEST if kind == "image" else OCI_INDEX

    assert_kept(repository, document, media_type)


def assert_kept(repository: Repository, document: Document, media_type: str) -> None:
    body = encode(document)
    answer = repository.put_manifest(body, "v1", media_type)
    assert answer.status == 201, answer
    for reference in ("v1", digest_of(body)):
        pulled = repository.client.get(repository.manifest(reference))
        assert (pulled.status, pulled.body) == (200, body)
        assert pulled.header("Content-Type") == media_type


def no_layers(repository: Repository) -> Document:
    return {**repository.image_document(), "layers": []}


def null_layers(repository: Repository) -> Document:
    return {**repository.image_document(), "layers": None}


def nulls_for_what_is_empty(repository: Repository) -> Document:
    document = repository.image_document(annotations=None, subject=None, manifests=None)
    nothing = {"annotations": None, "urls": None, "data": None, "platform": None}
    return {**document, "layers": [{**document["layers"][0], **nothing}]}


def no_media_type(repository: Repository) -> Document:
    return without(repository.image_document(), "mediaType")


def config_without_content(repository: Repository) -> Document:
    empty = repository.push_blob(b"{}", OCI_EMPTY)
    return image(empty, [empty], artifactType="application/vnd.example.thing")


def empty_blob_as_layer(repository: Repository) -> Document:
    document = repository.image_document()
    return {**document, "layers": [repository.push_blob(b"")]}


def repeated_layers(repository: Repository) -> Document:
    document = repository.image_document()
    return {**document, "layers": document["layers"] * 50}


def config_as_layer(repository: Repository) -> Document:
    document = repository.image_document()
    return {**document, "layers": [document["config"]]}


def inline_data(repository: Repository) -> Document:
    document, content = repository.image_document(), unique()
    layer = repository.push_blob(content)
    return {**document, "layers": [{**layer, "data": base64.b64encode(content).decode()}]}


def described_layer(repository: Repository) -> Document:
    document = repository.image_document()
    extra = {
        "annotations": {"org.opencontainers.image.title": "a/b c.txt"},
        "urls": ["https://example.org/x"],
        "artifactType": "application/vnd.example",
        "platform": {"architecture": "amd64", "os": "linux"},
        "unknown": 1,
    }
    return {**document, "layers": [{**document["layers"][0], **extra}]}


def foreign_layer(repository: Repository) -> Document:
    document = repository.image_document()
    away = {"mediaType": FOREIGN, "digest": unknown_digest(), "size": 123_456}
    layers = [{**away, "urls": ["https://store.example.com/x"]}, *document["layers"]]
    return {**document, "layers": layers}


def unusual_layer_type(repository: Repository) -> Document:
    document = repository.image_document()
    types = ["text/plain", "application/vnd.example.Foo+zstd", "application/x.y-z_1"]
    layers = [{**document["layers"][0], "mediaType": media_type} for media_type in types]
    return {**document, "layers": layers}


def sha512_layer(repository: Repository) -> Document:
    document = repository.image_document()
    layer = repository.push_blob(unique(), OCI_LAYER, "sha512")
    return {**document, "layers": [layer, *document["layers"]]}


def missing_subject(repository: Repository) -> Document:
    subject = {"mediaType": OCI_MANIFEST, "digest": unknown_digest(), "size": 123}
    return repository.image_document(subject=subject)


def subject_with_extra(repository: Repository) -> Document:
    subject = repository.push_image().descriptor(annotations={"a": "b"}, artifactType="x/y")
    return repository.image_document(subject=subject)


Make = Callable[[Repository], Document]
IMAGES: list[Make] = [
    no_layers,
    null_layers,
    nulls_for_what_is_empty,
    no_media_type,
    config_without_content,
    empty_blob_as_layer,
    repeated_layers,
    config_as_layer,
    inline_data,
    described_layer,
    foreign_layer,
    unusual_layer_type,
    sha512_layer,
    missing_subject,
    subject_with_extra,
]


@pytest.mark.parametrize("make", IMAGES)
def test_an_image_manifest_with(make: Make, repository: Repository) -> None:
    assert_kept(repository, make(repository), OCI_MANIFEST)


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_of_null(media_type: str, repository: Repository) -> None:
    document = {**index([]), "mediaType": media_type, "manifests": None}

    assert_kept(repository, document, media_type)


def test_many_layers(repository: Repository) -> None:
    document = repository.image_document()
    document["layers"] = [repository.push_blob(unique()) for _ in range(130)]

    assert_kept(repository, document, OCI_MANIFEST)


def test_docker_image_and_list(repository: Repository) -> None:
    document = {**repository.image_document(), "mediaType": DOCKER_MANIFEST}
    away = {"mediaType": DOCKER_FOREIGN, "digest": unknown_digest(), "size": 5}
    document["layers"].append({**away, "urls": ["https://example.org"]})
    assert_kept(repository, document, DOCKER_MANIFEST)

    child = descriptor(encode(document), DOCKER_MANIFEST)
    platform = {"architecture": "amd64", "os": "linux", "features": ["sse4"]}
    listed = {**index([{**child, "platform": platform}]), "mediaType": DOCKER_LIST}
    assert_kept(repository, listed, DOCKER_LIST)


@pytest.mark.parametrize(
    ("size", "status"),
    [
        (MAXIMUM_MANIFEST_BYTES - 1, 201),
        (MAXIMUM_MANIFEST_BYTES, 201),
        (MAXIMUM_MANIFEST_BYTES + 1, 413),
        (MAXIMUM_MANIFEST_BYTES * 4, 413),
    ],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_manifest_may_have_four_mebibytes_and_no_more(
    chunked: bool, size: int, status: int, repository: Repository
) -> None:
    document = encode(repository.image_document(annotations={"big": "@"}))
    body = document.replace(b"@", b"A" * (size - len(document) + 1))
    assert len(body) == size

    answer = repository.client.put(
        repository.manifest("v1"),
        body=[body[:1000], body[1000:]] if chunked else body,
        headers=[("Content-Type", OCI_MANIFEST)],
    )

    assert answer.status == status
    pulled = repository.client.get(repository.manifest("v1"))
    assert (pulled.status, pulled.body == body) == ((200, True) if status == 201 else (404, False))

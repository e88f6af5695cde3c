"""Documents that are no manifests, each refused with a reason: one wrong value after another."""

import copy
import json
from typing import Any

import pytest

from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.artifacts.oci.test_documents import CHILD, image, index

Document = dict[str, Any]

WRONG_OBJECTS: list[Any] = [None, [], "text", 1, True, 1.5]
WRONG_ARRAYS: list[Any] = [{}, "text", 1, True, [None], [[]], ["text"], [1], [{}]]
WRONG_TEXTS: list[Any] = [None, [], {}, 1, True]
WRONG_SIZES: list[Any] = [
    None, -1, -0.5, 1.5, 64.0, True, False, "64", "", [], {}, [64], 2**63, 2**64, 10**30
]  # fmt: skip
WRONG_DIGESTS: list[Any] = [
    *WRONG_TEXTS, "", "sha256", "sha256:", "sha256:abc", "sha256:" + "G" * 64,
    "sha256:" + "A" * 64, "md5:" + "0" * 32, "../../etc/passwd", "sha256:" + "0" * 64 + "\n",
]  # fmt: skip


def changed(document: Document, path: tuple[str | int, ...], value: object) -> Document:
    """A copy in which the value at ``path`` is another."""
    result = copy.deepcopy(document)
    place: Any = result
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return result


def without(document: Document, key: str) -> Document:
    return {name: value for name, value in document.items() if name != key}


def assert_refused(body: bytes | Document, media_type: str = OCI_MANIFEST) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ManifestInvalid) as caught:
        ManifestDocument.parse(content, media_type)

    assert caught.value.status == 400
    assert caught.value.reason not in ("", ManifestInvalid.message)


IMAGE_CHANGES: list[tuple[tuple[str | int, ...], list[Any]]] = [
    (("schemaVersion",), [None, 1, 3, "2", "", 2.5, True, [], {}]),
    (("mediaType",), [*WRONG_TEXTS, "", OCI_INDEX, DOCKER_MANIFEST, OCI_MANIFEST + " ", "x"]),
    (("config",), [*WRONG_OBJECTS, {}]),
    (("config", "digest"), WRONG_DIGESTS),
    (("config", "size"), WRONG_SIZES),
    (("config", "mediaType"), WRONG_TEXTS),
    (("layers",), WRONG_ARRAYS),
    (("layers", 0), WRONG_OBJECTS),
    (("layers", 0, "digest"), WRONG_DIGESTS),
    (("layers", 0, "size"), WRONG_SIZES),
    (("layers", 0, "mediaType"), WRONG_TEXTS),
    (("layers", 0, "urls"), [{}, "text", 1, [1], [None]]),
    (("layers", 0, "annotations"), [[], "text", 1, {"a": 1}, {"a": None}, {"a": ["b"]}]),
    (("layers", 0, "data"), [[], {}, 1, True]),
    (("subject",), [[], "text", 1, True, {}]),
    (("subject",), [{"mediaType": OCI_MANIFEST, "size": 1, "digest": d} for d in WRONG_DIGESTS]),
    (("artifactType",), [[], {}, 1, True]),
    (("annotations",), [[], "text", 1, True, {"a": 1}, {"a": None}, {"a": {}}, {"a": ["b"]}]),
    (("manifests",), [[], [{}], {}, "text"]),
]
INDEX_CHANGES: list[tuple[tuple[str | int, ...], list[Any]]] = [
    (("schemaVersion",), [None, 1, "2", True]),
    (("mediaType",), [*WRONG_TEXTS, "", OCI_MANIFEST, DOCKER_LIST]),
    (("manifests",), WRONG_ARRAYS),
    (("manifests", 0), WRONG_OBJECTS),
    (("manifests", 0, "digest"), WRONG_DIGESTS),
    (("manifests", 0, "size"), WRONG_SIZES),
    (("manifests", 0, "mediaType"), WRONG_TEXTS),
    (("manifests", 0, "platform"), [[], "linux/amd64", 1, True]),
    (("manifests", 0, "annotations"), [[], {"a": 1}]),
    (("subject",), [[], "text", {}]),
    (("artifactType",), [[], 1]),
    (("annotations",), [[], {"a": 1}]),
    (("layers",), [[], [{}]]),
    (("config",), [{}, []]),
]


def cases(changes: list[tuple[tuple[str | int, ...], list[Any]]]) -> list[Any]:
    return [
        pytest.param(path, value, id=f"{'.'.join(map(str, path))}={json.dumps(value)[:40]}")
        for path, values in changes
        for value in values
    ]


@pytest.mark.parametrize(("path", "value"), cases(IMAGE_CHANGES))
def test_an_image_manifest_with_a_wrong_value(path: tuple[str | int, ...], value: object) -> None:
    assert_refused(changed(image(), path, value))


@pytest.mark.parametrize(("path", "value"), cases(INDEX_CHANGES))
def test_an_index_with_a_wrong_value(path: tuple[str | int, ...], value: object) -> None:
    assert_refused(changed(index(), path, value), OCI_INDEX)


@pytest.mark.parametrize("key", ["schemaVersion", "config", "layers"])
def test_an_image_manifest_without_a_required_field(key: str) -> None:
    assert_refused(without(image(), key))


@pytest.mark.parametrize("key", ["schemaVersion", "manifests"])
def test_an_index_without_a_required_field(key: str) -> None:
    assert_refused(without(index(), key), OCI_INDEX)


@pytest.mark.parametrize("key", ["mediaType", "digest", "size"])
@pytest.mark.parametrize("where", ["config", "layer", "child", "subject"])
def test_a_descriptor_without_a_required_field(where: str, key: str) -> None:
    document = index() if where == "child" else image()
    paths: dict[str, tuple[str | int, ...]] = {
        "config": ("config",),
        "layer": ("layers", 0),
        "child": ("manifests", 0),
        "subject": ("subject",),
    }
    found: Any = {"subject": CHILD, **document}
    for step in paths[where]:
        found = found[step]
    body = changed(document, paths[where], without(found, key))

    assert_refused(body, OCI_INDEX if where == "child" else OCI_MANIFEST)


@pytest.mark.parametrize(
    ("field", "content_type"),
    [
        (OCI_MANIFEST, OCI_INDEX),
        (OCI_INDEX, OCI_MANIFEST),
        (OCI_MANIFEST, DOCKER_MANIFEST),
        (DOCKER_MANIFEST, OCI_MANIFEST),
        (DOCKER_LIST, OCI_INDEX),
        (OCI_MANIFEST.upper(), OCI_MANIFEST),
        ("application/vnd.example", OCI_MANIFEST),
    ],
)
def test_a_media_type_that_contradicts_the_content_type(field: str, content_type: str) -> None:
    document = index() if content_type == OCI_INDEX else image()

    assert_refused({**document, "mediaType": field}, content_type)


def test_an_image_pushed_as_an_index_and_the_reverse() -> None:
    """GHSA-mc8v-mgrf-8f4m: no document may be read as two things."""
    as_index = without(image(), "mediaType")
    as_image = without(index(), "mediaType")

    assert_refused(as_index, OCI_INDEX)
    assert_refused(as_image, OCI_MANIFEST)


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST])
@pytest.mark.parametrize("field", [True, False], ids=["field", "no-field"])
def test_a_document_with_both_manifests_and_layers(field: bool, media_type: str) -> None:
    both = {**image(), **index(), "mediaType": media_type}

    body = both if field else without(both, "mediaType")

    assert_refused(body, media_type)

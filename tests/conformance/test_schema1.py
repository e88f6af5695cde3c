"""Docker's schema 1 on the wire: push, pull, and who gets an image converted to it."""

import json

import pytest

from tests.conformance.content import OCI_CONFIG, OCI_MANIFEST, digest_of, image, unique
from tests.conformance.repository import Image, Repository
from tests.conformance.wire import Wire
from tests.registry.api.docker_v1.schema1.made import (
    EMPTY_LAYER,
    SCHEMA1,
    SCHEMA1_SIGNED,
    schema1,
    signed,
    written,
)


def push_with_history(repository: Repository) -> Image:
    """An image of one layer under the tag ``v1``, whose last step added none."""
    steps = [{"created_by": "COPY"}, {"created_by": "ENV", "empty_layer": True}]
    config = json.dumps({"architecture": "amd64", "os": "linux", "history": steps}).encode()
    document = image(repository.push_blob(config, OCI_CONFIG), [repository.push_blob(unique())])
    return repository.push_manifest(document, "v1")


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_manifest_comes_back_as_it_was_pushed(is_signed: bool, repository: Repository) -> None:
    layer = repository.push_blob(unique())["digest"]
    payload = written(schema1(layer, name=repository.name))
    body = signed(payload) if is_signed else payload
    media_type = SCHEMA1_SIGNED if is_signed else SCHEMA1

    pushed = repository.put_manifest(body, "v1", media_type)

    assert pushed.status == 201
    assert pushed.header("Docker-Content-Digest") == digest_of(payload)
    for path in (pushed.header("Location"), repository.manifest("v1")):
        pulled = repository.client.get(path)
        assert (pulled.status, pulled.body) == (200, body)
        assert pulled.header("Content-Type") == media_type
        assert pulled.header("Docker-Content-Digest") == digest_of(payload)
    assert repository.client.delete(repository.manifest(digest_of(payload))).status == 202


@pytest.mark.parametrize("broken", ["signature", "name", "tag", "layer", "length"])
def test_a_manifest_that_is_not_in_order_is_refused(broken: str, repository: Repository) -> None:
    layer = repository.push_blob(unique())["digest"]
    document = schema1(layer, name=repository.name)
    match broken:
        case "name":
            document["name"] = "elsewhere/web"
        case "tag":
            document["tag"] = "v2"
        case "layer":
            document["fsLayers"] = [{"blobSum": digest_of(unique())}]
        case "length":
            document["history"] *= 2
    body = signed(written(document))
    if broken == "signature":
        body = body.replace(b"amd64", b"arm64")

    answer = repository.put_manifest(body, "v1", SCHEMA1_SIGNED)

    code = {"name": "NAME_INVALID", "tag": "NAME_INVALID", "layer": "MANIFEST_BLOB_UNKNOWN"}
    assert answer.code == code.get(broken, "MANIFEST_INVALID")
    assert answer.status == (404 if broken == "layer" else 400)
    assert repository.client.get(repository.manifest("v1")).status == 404


@pytest.mark.parametrize("accept", [SCHEMA1, SCHEMA1_SIGNED, f"{SCHEMA1_SIGNED}, {SCHEMA1}"])
def test_a_client_of_schema_1_gets_an_image_whose_blobs_it_can_pull(
    accept: str, repository: Repository
) -> None:
    push_with_history(repository)

    pulled = repository.client.get(repository.manifest("v1"), [("Accept", accept)])
    head = repository.client.head(repository.manifest("v1"), [("Accept", accept)])

    assert pulled.header("Content-Type") in accept.split(", ")
    document = pulled.json()
    assert (document["schemaVersion"], document["name"]) == (1, repository.name)
    layers = [layer["blobSum"] for layer in document["fsLayers"]]
    assert layers[0] == EMPTY_LAYER
    assert all(repository.has_blob(layer) for layer in layers)
    for header in ("Content-Type", "Docker-Content-Digest"):
        assert head.header(header) == pulled.header(header)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Accept", "*/*")],
        [("Accept", SCHEMA1), ("Accept", OCI_MANIFEST)],
        [("Accept", f"{SCHEMA1}, {SCHEMA1_SIGNED}, */*;q=0.1")],
        [("Accept", "application/json")],
    ],
)
def test_nobody_else_gets_anything_but_what_was_pushed(
    headers: list[tuple[str, str]], repository: Repository
) -> None:
    pushed = push_with_history(repository)

    assert repository.client.get(repository.manifest("v1"), headers).body == pushed.body


def test_by_digest_there_is_only_what_was_pushed(repository: Repository) -> None:
    pushed = push_with_history(repository)
    accept = [("Accept", SCHEMA1)]

    converted = repository.client.get(repository.manifest("v1"), accept)

    assert repository.client.get(repository.manifest(pushed.digest), accept).body == pushed.body
    digest = converted.header("Docker-Content-Digest")
    assert digest == digest_of(converted.body)
    assert repository.client.get(repository.manifest(digest), accept).status == 404


def test_an_artifact_has_no_such_form(repository: Repository) -> None:
    repository.push_manifest(image(repository.push_blob(b"{}", "application/x.config"), []), "v1")

    answer = repository.client.get(repository.manifest("v1"), [("Accept", SCHEMA1)])

    assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")


def test_the_answer_to_head_has_no_body_on_the_wire(repository: Repository) -> None:
    push_with_history(repository)
    bearer = repository.client.bearer(f"repository:{repository.name}:pull")
    path = repository.manifest("v1")
    with Wire(repository.client.host) as wire:
        for method in ("HEAD", "GET"):
            wire.begin(method, path, [("Accept", SCHEMA1), *bearer])
            answer = wire.read(method)
            assert answer.status == 200

    assert answer.json()["schemaVersion"] == 1

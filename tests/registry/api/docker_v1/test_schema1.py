"""Pushing and pulling Docker's schema 1 over HTTP."""

import json

import pytest
from django.test import Client

from artifacts.kinds.kinds import Kind
from artifacts.oci.digest import Digest
from registry.manifests.models import Manifest, ManifestBlob
from registry.repositories.models import Repository
from registry.tags.models import Tag
from tests.registry.api.docker_v1.schema1.made import (
    SCHEMA1,
    SCHEMA1_SIGNED,
    Document,
    schema1,
    signed,
    v1_image,
    written,
)
from tests.registry.builders import bearer, error_of, hold, make_repository, owner_of

LAYER = b"a layer"
LAYER_DIGEST = str(Digest.of(LAYER))
DOCUMENT = schema1(LAYER_DIGEST)


@pytest.fixture(autouse=True)
def _layer(repository: Repository) -> None:
    hold(repository, LAYER)


def put(
    pusher: Client, body: bytes, reference: str = "v1", content_type: str = SCHEMA1
) -> tuple[int, str]:
    path = f"/v2/acme/web/manifests/{reference}"
    response = pusher.generic("PUT", path, body, content_type)
    return response.status_code, error_of(response.json())[1] if response.content else ""


@pytest.mark.parametrize(
    "content_type", [SCHEMA1, SCHEMA1_SIGNED, "application/json", "application/json; charset=x", ""]
)
@pytest.mark.parametrize("is_signed", [True, False])
def test_the_exact_bytes_come_back_under_the_digest_of_what_was_signed(
    pusher: Client, content_type: str, is_signed: bool
) -> None:
    payload = written(DOCUMENT)
    body = signed(payload) if is_signed else payload

    response = pusher.generic("PUT", "/v2/acme/web/manifests/v1", body, content_type)

    assert response.status_code == 201
    digest = str(Digest.of(payload))
    assert response.headers["Docker-Content-Digest"] == digest
    for reference in ("v1", digest):
        pulled = pusher.get(f"/v2/acme/web/manifests/{reference}")
        assert pulled.content == body
        assert pulled.headers["Content-Type"] == (SCHEMA1_SIGNED if is_signed else SCHEMA1)
        assert pulled.headers["Docker-Content-Digest"] == digest


def test_the_layers_are_needed_and_the_manifest_is_an_image(
    pusher: Client, repository: Repository
) -> None:
    history = [v1_image("1", config={"Labels": {"who": "me"}})]
    put(pusher, written({**DOCUMENT, "history": history}))

    manifest = Manifest.objects.get(repository=repository)
    needed = ManifestBlob.objects.filter(manifest=manifest).values_list("link__blob_id", flat=True)
    assert manifest.kind == Kind.IMAGE
    assert manifest.labels == {"who": "me"}
    assert list(needed) == [LAYER_DIGEST]
    assert pusher.delete(f"/v2/acme/web/blobs/{LAYER_DIGEST}").status_code == 405


def test_a_layer_that_is_not_here_is_named(pusher: Client) -> None:
    missing = str(Digest.of(b"elsewhere"))

    status, message = put(pusher, written(schema1(missing)))

    assert status == 404
    assert missing in message


@pytest.mark.parametrize(
    ("changed", "reference", "says"),
    [
        ({"name": "acme/other"}, "v1", "the manifest is for the repository acme/other"),
        ({"name": "web"}, "v1", "the manifest is for the repository web, not acme/web"),
        ({"tag": "v2"}, "v1", "the manifest is for the tag v2, not v1"),
        ({}, "v1?tag=v2", "the manifest is for the tag v1, not v2"),
    ],
)
def test_a_manifest_for_another_name_is_refused(
    pusher: Client, changed: Document, reference: str, says: str
) -> None:
    response = pusher.generic(
        "PUT", f"/v2/acme/web/manifests/{reference}", written({**DOCUMENT, **changed}), SCHEMA1
    )

    assert response.status_code == 400
    code, message = error_of(response.json())
    assert code == "NAME_INVALID"
    assert says in message
    assert not Manifest.objects.exists()


@pytest.mark.parametrize("name", ["web", "library/web"])
def test_a_bare_name_is_one_in_the_library(name: str) -> None:
    repository = make_repository("library/web")
    hold(repository, LAYER)
    pusher = Client(headers=bearer(owner_of("library"), "repository:web:pull,push"))
    body = written({**DOCUMENT, "name": name})

    response = pusher.generic("PUT", "/v2/web/manifests/v1", body, SCHEMA1)

    assert response.status_code == 201


def test_a_push_by_digest_points_the_tag_that_stands_inside(pusher: Client) -> None:
    payload = written(DOCUMENT)

    assert put(pusher, signed(payload), str(Digest.of(payload)))[0] == 201
    assert list(Tag.objects.live().values_list("name", flat=True)) == ["v1"]

    nameless = written({**DOCUMENT, "tag": ""})
    assert put(pusher, nameless, str(Digest.of(nameless)))[0] == 201
    assert Tag.objects.live().count() == 1


def test_the_digest_in_the_address_is_that_of_what_was_signed(pusher: Client) -> None:
    body = signed(written(DOCUMENT))

    assert put(pusher, body, str(Digest.of(body)))[0] == 400


def test_a_wrong_signature_is_refused(pusher: Client) -> None:
    body = signed(written(DOCUMENT)).replace(b'"amd64"', b'"arm64"')

    status, message = put(pusher, body)

    assert status == 400
    assert message.startswith("signatures[0] is not a signature of this manifest")


def test_two_signatures_over_the_same_text_are_one_manifest(pusher: Client) -> None:
    bodies = [signed(written(DOCUMENT)) for _ in range(2)]

    for body in bodies:
        assert put(pusher, body)[0] == 201

    assert pusher.get("/v2/acme/web/manifests/v1").content == bodies[0]


def test_json_that_is_no_schema_1_stays_unsupported(pusher: Client) -> None:
    body = json.dumps({"schemaVersion": 2, "layers": []}).encode()

    assert put(pusher, body, content_type="application/json")[0] == 415

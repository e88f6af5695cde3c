"""What clients get who know only schema 1, and that nobody else gets it."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from artifacts.oci.digest import Digest
from artifacts.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from registry.api.docker_v1.schema1.documents import Schema1
from registry.api.docker_v1.schema1.images import EMPTY_LAYER, EMPTY_LAYER_DIGEST
from registry.blobs.models import BlobLink
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.api.docker_v1.schema1.made import (
    SCHEMA1,
    SCHEMA1_SIGNED,
    schema1,
    signed,
    written,
)
from tests.registry.builders import descriptor, error_of, hold, image, index, push

PATH = "/v2/acme/web/manifests/v1"
LAYER = b"a layer"
STEPS = [{"created_by": "COPY a layer"}, {"created_by": "ENV A=B", "empty_layer": True}]
CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["a"]}, "history": STEPS}
).encode()
IMAGE = image(CONFIG, LAYER)
OLD_DOCKER = "docker/1.9.1 go/go1.4.3 git-commit/a34a1d5 kernel/4.2.0 os/linux arch/amd64"


def image_of(config: Any, *layers: Any, **changed: Any) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config,
            "layers": layers,
            **changed,
        }
    ).encode()


@pytest.fixture(autouse=True)
def pushed(repository: Repository) -> Manifest:
    hold(repository, LAYER, CONFIG)
    return push(repository, IMAGE, "v1")


def old(puller: Client, accept: str = SCHEMA1, path: str = PATH) -> Any:
    return puller.get(path, headers={"Accept": accept})


def test_a_client_that_accepts_only_schema_1_gets_the_image_as_such(pusher: Client) -> None:
    response = old(pusher)

    assert response.status_code == 200
    assert response.headers["Content-Type"] == SCHEMA1
    assert response.headers["Docker-Content-Digest"] == str(Digest.of(response.content))
    assert response.headers["Content-Length"] == str(len(response.content))
    manifest = Schema1.parse(response.content)
    assert (manifest.name, manifest.tag) == ("acme/web", "v1")
    assert manifest.layers == (EMPTY_LAYER_DIGEST, Digest.of(LAYER))
    assert manifest.history[0]["config"] == {"Cmd": ["a"]}


def test_head_tells_the_same_as_get_without_the_body(pusher: Client) -> None:
    response = old(pusher)
    head = pusher.head(PATH, headers={"Accept": SCHEMA1})

    assert head.content == b""
    for name in ("Content-Type", "Content-Length", "Docker-Content-Digest", "ETag"):
        assert head.headers[name] == response.headers[name]


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": SCHEMA1_SIGNED},
        {"Accept": f"{SCHEMA1_SIGNED}, application/json"},
        {"User-Agent": OLD_DOCKER},
    ],
)
def test_who_reads_only_signed_ones_gets_one(pusher: Client, headers: dict[str, str]) -> None:
    response = pusher.get(PATH, headers=headers)

    assert response.headers["Content-Type"] == SCHEMA1_SIGNED
    manifest = Schema1.parse(response.content)
    assert manifest.is_signed
    assert response.headers["Docker-Content-Digest"] == str(Digest.of(manifest.payload))
    assert manifest.payload == old(pusher).content


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": ""},
        {"Accept": "*/*"},
        {"Accept": "application/*"},
        {"Accept": "application/json"},
        {"Accept": "text/html"},
        {"Accept": f"{SCHEMA1}, */*"},
        {"Accept": f"{SCHEMA1}, */*;q=0.1"},
        {"Accept": f"{SCHEMA1}, {OCI_MANIFEST}"},
        {"Accept": f"{SCHEMA1};q=0"},
        {"Accept": f"{SCHEMA1}; q=0.000, application/json"},
        {"Accept": OCI_INDEX},
        {"User-Agent": "docker/1.10.3 go/go1.5"},
        {"User-Agent": "docker/20.10.24 go/go1.19"},
        {"User-Agent": OLD_DOCKER, "Accept": "*/*"},
        {"User-Agent": "curl/7.88"},
    ],
)
def test_everybody_else_gets_what_is_stored(pusher: Client, headers: dict[str, str]) -> None:
    response = pusher.get(PATH, headers=headers)

    assert response.content == IMAGE
    assert response.headers["Content-Type"] == OCI_MANIFEST


def test_by_digest_nothing_is_converted(pusher: Client) -> None:
    digest = Digest.of(IMAGE)

    assert old(pusher, path=f"/v2/acme/web/manifests/{digest}").content == IMAGE
    converted = old(pusher).headers["Docker-Content-Digest"]
    assert old(pusher, path=f"/v2/acme/web/manifests/{converted}").status_code == 404


def test_the_setting_switches_it_off(pusher: Client, settings: Settings) -> None:
    settings.FEATURE_SCHEMA1_CONVERSION = False

    assert old(pusher).content == IMAGE


def test_every_blob_of_a_converted_manifest_can_be_pulled(
    pusher: Client, repository: Repository
) -> None:
    empty = f"/v2/acme/web/blobs/{EMPTY_LAYER_DIGEST}"
    assert pusher.get(empty).status_code == 404

    for _ in range(2):
        old(pusher)

    assert pusher.get(empty).getvalue() == EMPTY_LAYER
    assert BlobLink.objects.filter(repository=repository, blob=str(EMPTY_LAYER_DIGEST)).exists()


def test_what_is_held_is_not_sent_again(pusher: Client) -> None:
    tag = old(pusher).headers["ETag"]

    response = pusher.get(PATH, headers={"Accept": SCHEMA1, "If-None-Match": tag})

    assert response.status_code == 304


def test_of_an_index_it_is_the_image_for_amd64_and_linux(
    pusher: Client, repository: Repository
) -> None:
    entry = {
        **descriptor(IMAGE, OCI_MANIFEST),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    inner = index(manifests=[entry])
    push(repository, inner, str(Digest.of(inner)))
    outer = index(manifests=[{**entry, **descriptor(inner, OCI_INDEX)}])
    for tag, body in (("v2", inner), ("v3", outer)):
        push(repository, body, tag)
        manifest = Schema1.parse(old(pusher, path=f"/v2/acme/web/manifests/{tag}").content)
        assert manifest.layers == (EMPTY_LAYER_DIGEST, Digest.of(LAYER))

    # To who reads the image, but no index, it is sent as it is.
    response = old(pusher, f"{SCHEMA1}, {OCI_MANIFEST}", "/v2/acme/web/manifests/v2")
    assert response.content == IMAGE
    assert response.headers["Docker-Content-Digest"] == str(Digest.of(IMAGE))


def test_a_docker_image_is_converted_as_well(pusher: Client, repository: Repository) -> None:
    body = image_of(
        descriptor(CONFIG, "application/vnd.docker.container.image.v1+json"),
        descriptor(LAYER, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        mediaType=DOCKER_MANIFEST,
    )
    push(repository, body, "v1")

    assert Schema1.parse(old(pusher).content).layers == (EMPTY_LAYER_DIGEST, Digest.of(LAYER))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (image_of(descriptor(CONFIG, "application/x"), descriptor(LAYER)), "no container image"),
        (
            image(
                CONFIG, layers=[descriptor(LAYER, "application/vnd.oci.image.layer.v1.tar+zstd")]
            ),
            "cannot unpack application/vnd.oci.image.layer.v1.tar+zstd",
        ),
        (image(CONFIG, LAYER, LAYER), "the history of other layers"),
        (index(), "no image for linux/amd64"),
        (
            index(
                manifests=[
                    {
                        **descriptor(b"not here", OCI_MANIFEST),
                        "platform": {"os": "linux", "architecture": "amd64"},
                    }
                ]
            ),
            "which its index lists, is not here",
        ),
    ],
)
def test_what_has_no_old_form_is_not_found_and_the_answer_says_why(
    pusher: Client, repository: Repository, body: bytes, says: str
) -> None:
    push(repository, body, "v1")

    response = old(pusher)

    assert response.status_code == 404
    code, message = error_of(response.json())
    assert code == "MANIFEST_UNKNOWN"
    assert says in message


def test_a_stored_schema_1_manifest_is_signed_or_bared_for_who_reads_only_that(
    pusher: Client, repository: Repository
) -> None:
    payload = written(schema1(str(Digest.of(LAYER))))
    push(repository, signed(payload), "v1")
    assert old(pusher, SCHEMA1_SIGNED).content != payload
    bare = old(pusher, SCHEMA1)
    assert (bare.content, bare.headers["Content-Type"]) == (payload, SCHEMA1)

    unsigned = written(schema1(str(Digest.of(LAYER)), architecture="arm64"))
    push(repository, unsigned, "v1")
    response = old(pusher, SCHEMA1_SIGNED)
    assert response.headers["Content-Type"] == SCHEMA1_SIGNED
    assert response.headers["Docker-Content-Digest"] == str(Digest.of(unsigned))
    assert Schema1.parse(response.content).payload == unsigned
    assert old(pusher, OCI_MANIFEST).content == unsigned


def test_a_pull_of_a_converted_image_is_a_pull_of_the_stored_one(
    pusher: Client, pushed: Manifest
) -> None:
    old(pusher)

    pushed.refresh_from_db()
    assert pushed.last_pulled_at is not None


# --- Clients that know schema 2 and no lists ----------------------------------------------------

DOCKER_IMAGE = image(CONFIG, LAYER, mediaType=DOCKER_MANIFEST)
LINUX = {"os": "linux", "architecture": "amd64"}


def docker_list(*bodies: bytes, platform: dict[str, str] = LINUX) -> bytes:
    entries = [{**descriptor(body, DOCKER_MANIFEST), "platform": platform} for body in bodies]
    return index(mediaType=DOCKER_LIST, manifests=entries)


def push_list(repository: Repository, body: bytes) -> None:
    push(repository, DOCKER_IMAGE, str(Digest.of(DOCKER_IMAGE)))
    push(repository, body, "v1")


@pytest.mark.parametrize(
    "accept", [DOCKER_MANIFEST, f"{DOCKER_MANIFEST}, application/json", f"{DOCKER_MANIFEST};q=0.5"]
)
def test_of_a_list_who_takes_only_schema_2_gets_the_image_for_amd64_and_linux(
    pusher: Client, repository: Repository, settings: Settings, accept: str
) -> None:
    settings.FEATURE_SCHEMA1_CONVERSION = False
    push_list(repository, docker_list(DOCKER_IMAGE))

    response = old(pusher, accept)
    head = pusher.head(PATH, headers={"Accept": accept})

    assert response.content == DOCKER_IMAGE
    for answer in (response, head):
        assert answer.headers["Content-Type"] == DOCKER_MANIFEST
        assert answer.headers["Docker-Content-Digest"] == str(Digest.of(DOCKER_IMAGE))
        assert answer.headers["Content-Length"] == str(len(DOCKER_IMAGE))


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        OCI_MANIFEST,
        f"{DOCKER_MANIFEST}, {DOCKER_LIST}",
        f"{DOCKER_MANIFEST}, {OCI_INDEX}",
        f"{DOCKER_MANIFEST}, */*;q=0.1",
    ],
)
def test_of_a_list_everybody_else_gets_the_list(
    pusher: Client, repository: Repository, accept: str
) -> None:
    body = docker_list(DOCKER_IMAGE)
    push_list(repository, body)

    assert old(pusher, accept).content == body


def test_by_digest_a_list_stays_a_list(pusher: Client, repository: Repository) -> None:
    body = docker_list(DOCKER_IMAGE)
    push_list(repository, body)

    path = f"/v2/acme/web/manifests/{Digest.of(body)}"
    assert old(pusher, DOCKER_MANIFEST, path).content == body


def test_an_oci_index_is_sent_as_it_is(pusher: Client, repository: Repository) -> None:
    body = index(manifests=[{**descriptor(IMAGE, OCI_MANIFEST), "platform": LINUX}])
    push(repository, body, "v1")

    assert old(pusher, DOCKER_MANIFEST).content == body


def test_a_list_without_that_image_is_404_with_the_reason(
    pusher: Client, repository: Repository
) -> None:
    arm = {"os": "linux", "architecture": "arm64"}
    push_list(repository, docker_list(DOCKER_IMAGE, platform=arm))

    response = old(pusher, DOCKER_MANIFEST)

    assert response.status_code == 404
    assert "takes only images" in error_of(response.json())[1]


def test_who_names_both_forms_of_schema_1_gets_a_signed_one(pusher: Client) -> None:
    response = old(pusher, f"{SCHEMA1}, {SCHEMA1_SIGNED}")

    assert response.headers["Content-Type"] == SCHEMA1_SIGNED

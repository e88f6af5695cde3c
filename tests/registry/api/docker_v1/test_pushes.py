"""Pushes by Docker's V1 API: off unless a namespace is listed, and then like any other push."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db.models import F
from pytest_django import Settings

from artifacts.oci.digest import Digest
from registry.api.docker_v1 import pushes
from registry.api.docker_v1.ids import ImageId
from registry.api.docker_v1.schema1.documents import Schema1
from registry.blobs.models import UploadSession
from registry.blobs.uploads import commit_upload
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from registry.tags.models import Tag
from tests.registry.api.docker_v1.client import Headers, Refused, V1Client, V1Image
from tests.registry.api.docker_v1.schema1.made import SCHEMA1_SIGNED
from tests.registry.api.docker_v1.test_pulls import CONFIG, IMAGE, LAYER, basic, puller, send
from tests.registry.builders import NOW, hold, make_organization, make_user, push

BASE_ID, LEAF_ID = "a" * 64, "b" * 64
BASE = V1Image(BASE_ID, {"id": BASE_ID, "os": "linux"}, b"the base layer")
LEAF = V1Image(
    LEAF_ID,
    {"id": LEAF_ID, "parent": BASE_ID, "architecture": "arm", "config": {"Labels": {"a": "b"}}},
    b"the layer on top",
)
NO_HEADERS: Headers = {}
V1 = "/v1/repositories/acme/web"


@pytest.fixture(autouse=True)
def _allowed(repository: Repository, settings: Settings) -> None:
    settings.V1_PUSH_WHITELIST = ["acme"]


def begun(username: str = "acme-owner") -> V1Client:
    client = puller(username)
    headers = {"X-Docker-Token": "true", "Authorization": client.basic}
    client.token = client.put(f"{V1}/", b"[]", 201, headers)["x-docker-token"]
    return client


def refusal(
    client: V1Client, path: str, body: bytes = b"", headers: Headers = NO_HEADERS
) -> tuple[int, str]:
    granted = {"Authorization": f"Token {client.token}"}
    status, _, answer = send("PUT", path, {**granted, **headers}, body)
    return status, json.loads(answer)["error"] if status >= 400 else ""


def test_a_push_makes_a_signed_schema_1_manifest(repository: Repository) -> None:
    puller().push("acme/web", "v1", BASE, LEAF)

    stored = Manifest.objects.get(repository=repository)
    assert stored.media_type == SCHEMA1_SIGNED
    assert stored.labels == {"a": "b"}
    manifest = Schema1.parse(bytes(stored.body))
    assert (manifest.name, manifest.tag) == ("acme/web", "v1")
    assert manifest.layers == (Digest.of(LEAF.layer), Digest.of(BASE.layer))
    assert manifest.history == (LEAF.said, BASE.said)
    assert json.loads(manifest.payload)["architecture"] == "arm"


def test_what_was_pushed_is_pulled_again() -> None:
    puller().push("acme/web", "v1", BASE, LEAF)

    leaf, base = puller().pull("acme/web", "v1")

    assert (leaf.layer, base.layer) == (LEAF.layer, BASE.layer)
    assert leaf.said["config"] == LEAF.said["config"]


def on_top_of(parent: V1Image) -> V1Image:
    return replace(LEAF, said={**LEAF.said, "parent": parent.id})


def test_a_leaf_stands_on_an_image_that_was_pulled_from_here(repository: Repository) -> None:
    """Its client asks whether the images below are here, and pushes none that is."""
    hold(repository, LAYER, CONFIG)
    push(repository, IMAGE, "v1")
    below = puller().pull("acme/web", "v1")

    puller().push("acme/web", "v2", on_top_of(below[0]))

    leaf, *others = puller().pull("acme/web", "v2")
    assert leaf.layer == LEAF.layer
    assert [one.layer for one in others] == [one.layer for one in below]
    assert [one.said.get("created_by") for one in others] == [
        one.said.get("created_by") for one in below
    ]


def test_a_leaf_stands_on_an_image_below_a_tag(repository: Repository) -> None:
    puller().push("acme/web", "v1", BASE, LEAF)
    _, base = puller().pull("acme/web", "v1")

    puller().push("acme/web", "v2", on_top_of(base))

    assert [one.layer for one in puller().pull("acme/web", "v2")] == [LEAF.layer, BASE.layer]


def test_an_image_that_was_pulled_from_here_gets_another_tag() -> None:
    puller().push("acme/web", "v1", BASE, LEAF)
    top, _ = puller().pull("acme/web", "v1")
    client = begun()

    client.put(f"{V1}/tags/again", json.dumps(top.id).encode())

    assert [one.layer for one in puller().pull("acme/web", "again")] == [LEAF.layer, BASE.layer]


def test_no_leaf_stands_on_an_image_of_another_repository_or_on_none() -> None:
    puller().push("acme/other", "v1", BASE)
    (elsewhere,) = puller().pull("acme/other", "v1")
    gone = Manifest.objects.get().pk + 1
    client = begun()

    for parent in (elsewhere.id, str(ImageId(gone, 0)), str(ImageId(gone - 1, 99)), "c" * 64):
        said = json.dumps({**LEAF.said, "parent": parent}).encode()
        status, error = refusal(client, f"/v1/images/{LEAF_ID}/json", said)
        assert (status, error) == (400, f"the image {parent} has not been pushed")


def test_the_first_push_makes_the_repository_and_leaves_no_upload_open() -> None:
    puller().push("acme/new", "v1", BASE)

    created = Repository.objects.get(path="acme/new")
    assert not created.is_public
    assert not UploadSession.objects.filter(is_closed=False).exists()


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("listed", [[], ["other"], ["acme"]])
def test_only_listed_namespaces_take_pushes(
    settings: Settings, restricted: bool, listed: list[str]
) -> None:
    settings.FEATURE_RESTRICTED_V1_PUSH = restricted
    settings.V1_PUSH_WHITELIST = listed

    if not restricted or "acme" in listed:
        puller().push("acme/web", "v1", BASE)
        assert Tag.objects.live().filter(name="v1").exists()
        return
    with pytest.raises(Refused, match="acme takes no pushes by Docker") as caught:
        puller().push("acme/web", "v1", BASE)
    assert caught.value.status == 405
    assert not Tag.objects.exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", f"{V1}/tags/v1"), ("DELETE", f"{V1}/tags/v1"), ("PUT", f"{V1}/images")],
)
def test_by_default_nothing_is_written(settings: Settings, method: str, path: str) -> None:
    settings.V1_PUSH_WHITELIST = []

    assert send(method, path, {"Authorization": basic("acme-owner")}, b"")[0] == 405


def test_a_token_from_before_is_of_no_use_once_pushes_are_off(settings: Settings) -> None:
    client = begun()
    settings.V1_PUSH_WHITELIST = []

    status, error = refusal(client, f"/v1/images/{BASE_ID}/json", json.dumps(BASE.said).encode())

    assert status == 405
    assert "V1_PUSH_WHITELIST" in error


def test_who_may_only_read_pushes_nothing(repository: Repository) -> None:
    reader = make_user("reader")
    grant(repository=repository, role=Role.READ, holder=reader, now=NOW)
    login = {"Authorization": basic("reader"), "X-Docker-Token": "true"}

    for path in (f"{V1}/", f"{V1}/images", f"{V1}/tags/v1"):
        assert send("PUT", path, login, b"[]")[0] == 403
        assert send("PUT", path, {}, b"[]")[0] == 401
    client = puller("reader")
    client.ask_token("acme/web")
    for route in ("json", "layer", "checksum"):
        assert refusal(client, f"/v1/images/{BASE_ID}/{route}")[0] == 403


def test_a_token_to_pull_does_not_push() -> None:
    client = puller()
    client.ask_token("acme/web")

    assert refusal(client, f"/v1/images/{BASE_ID}/json")[0] == 403


def test_an_image_needs_a_token_that_says_where_it_goes() -> None:
    for headers in ({}, {"Authorization": basic("acme-owner")}):
        status, _, body = send("PUT", f"/v1/images/{BASE_ID}/json", headers, b"{}")
        assert status == 400
        assert "send the token" in json.loads(body)["error"]


def test_what_one_stages_nobody_else_can_tag(repository: Repository) -> None:
    writer = make_user("writer")
    grant(repository=repository, role=Role.WRITE, holder=writer, now=NOW)
    begun().push_image(BASE)

    status, error = refusal(begun("writer"), f"{V1}/tags/v1", json.dumps(BASE_ID).encode())

    assert (status, error) == (400, f"the image {BASE_ID} has not been pushed")


@pytest.mark.parametrize("steps", [1, 2], ids=["base", "leaf"])
def test_a_push_beside_it_that_ends_takes_no_image_away(steps: int) -> None:
    client = begun()
    client.push_image(BASE)
    if steps > 1:
        client.push_image(LEAF)
    puller().push("acme/web", "other", BASE, LEAF)

    if steps == 1:
        client.push_image(LEAF)
    client.put(f"{V1}/tags/v1", json.dumps(LEAF_ID).encode())

    (leaf, base) = puller().pull("acme/web", "v1")
    assert (leaf.layer, base.layer) == (LEAF.layer, BASE.layer)


def test_a_push_beside_it_that_begins_takes_no_layer_away() -> None:
    client = begun()
    client.push_image(BASE)
    begun().put_said(BASE)

    client.put(f"{V1}/tags/v1", json.dumps(BASE_ID).encode())

    assert puller().pull("acme/web", "v1")[0].layer == BASE.layer


def test_a_layer_is_not_put_to_an_image_that_says_something_else_by_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = begun()
    client.put_said(BASE)

    def commit_while_another_pushes(**how: Any) -> Any:
        begun().put_said(replace(BASE, said={**BASE.said, "os": "plan9"}))
        return commit_upload(**how)

    monkeypatch.setattr(pushes, "commit_upload", commit_while_another_pushes)

    status, error = refusal(client, f"/v1/images/{BASE_ID}/layer", BASE.layer)

    assert (status, error) == (400, f"the image {BASE_ID} was pushed anew meanwhile; push again")


def test_what_was_staged_ends_by_itself() -> None:
    client = begun()
    client.push_image(BASE)
    Session.objects.update(expire_date=F("expire_date") - timedelta(hours=24))

    assert refusal(client, f"{V1}/tags/v1", json.dumps(BASE_ID).encode())[0] == 400
    begun()
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (b"", "the image: not JSON"),
        (b"\xff", "the image is not UTF-8"),
        (b"{}", "the image must have an id"),
        (json.dumps(LEAF.said).encode(), "the address another"),
        (json.dumps({**BASE.said, "parent": "c" * 64}).encode(), "has not been pushed"),
        (json.dumps({**BASE.said, "parent": BASE_ID}).encode(), "has not been pushed"),
        (f'{{"id": "{BASE_ID}", "Size": 1e400}}'.encode(), "the number 1e400 is too large"),
    ],
)
def test_an_image_that_is_not_in_order_is_refused(said: bytes, says: str) -> None:
    status, error = refusal(begun(), f"/v1/images/{BASE_ID}/json", said)

    assert status == 400
    assert says in error


def test_a_layer_comes_after_its_json_and_has_bytes() -> None:
    client = begun()
    path = f"/v1/images/{BASE_ID}/layer"
    assert refusal(client, path, b"layer") == (400, f"the image {BASE_ID} has not been pushed")

    client.put(f"/v1/images/{BASE_ID}/json", json.dumps(BASE.said).encode())
    assert refusal(client, path) == (400, "the layer has no bytes")
    status, error = refusal(client, f"{V1}/tags/v1", json.dumps(BASE_ID).encode())
    assert status == 400
    assert error == f"the layer of the image {BASE_ID} has not been pushed"


def test_a_checksum_must_be_the_layers() -> None:
    client = begun()
    client.push_image(BASE)
    path = f"/v1/images/{BASE_ID}/checksum"

    wrong = {"X-Docker-Checksum-Payload": str(Digest.of(b"other"))}
    assert refusal(client, path, headers=wrong) == (
        400,
        f"the layer has the digest {Digest.of(BASE.layer)}",
    )
    assert refusal(client, path, headers={"X-Docker-Checksum": "tarsum+sha256:abc"})[0] == 200


def test_text_that_is_none_is_replaced_on_its_way_through() -> None:
    said = {"id": BASE_ID, "architecture": "\ud83d", "comment": "half \udc00 nul \x00"}
    puller().push("acme/web", "v1", replace(BASE, said=said))

    (image,) = puller().pull("acme/web", "v1")

    assert image.said["comment"] == "half \ufffd nul \ufffd"


@pytest.mark.parametrize("body", [b"", b"{}", b"5", b'"', b"\xff", b'"\\ud83d"', b'"\\u0000"'])
def test_a_tag_needs_an_id(body: bytes) -> None:
    assert refusal(begun(), f"{V1}/tags/v1", body)[0] == 400


def test_a_tag_is_taken_away() -> None:
    puller().push("acme/web", "v1", BASE)

    status, _, _ = send("DELETE", f"{V1}/tags/v1", {"Authorization": basic("acme-owner")}, b"")

    assert status == 200
    assert not Tag.objects.live().filter(ended_at=None).exists()


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'[1, {}, {"id": 5}]'])
def test_a_push_ends_whatever_the_list_says(body: bytes) -> None:
    begun().put(f"{V1}/images", body, 204)


@pytest.mark.parametrize("path", ["/v1/repositories/acme/a/b/", "/v1/repositories/acme/web/auth"])
def test_names_of_more_segments_begin_no_push(path: str) -> None:
    assert send("PUT", path, {"Authorization": basic("acme-owner")}, b"[]")[0] == 404
    assert Repository.objects.count() == 1


def test_the_same_id_may_be_pushed_anew(repository: Repository) -> None:
    for layer in (b"first", b"second"):
        puller().push("acme/web", "v1", replace(BASE, layer=layer))

    (image,) = puller().pull("acme/web", "v1")
    assert image.layer == b"second"


def test_two_repositories_keep_their_stages_apart(settings: Settings) -> None:
    make_organization("other")
    settings.V1_PUSH_WHITELIST = ["acme", "other"]
    begun().push_image(BASE)
    client: Any = puller("other-owner")
    headers = {"X-Docker-Token": "true", "Authorization": client.basic}
    client.token = client.put("/v1/repositories/other/web/", b"[]", 201, headers)["x-docker-token"]

    status, _ = refusal(client, "/v1/repositories/other/web/tags/v1", json.dumps(BASE_ID).encode())

    assert status == 400


def test_a_history_that_no_manifest_holds_is_refused_before_it_is_put_together() -> None:
    client, parent = begun(), ""
    for number in range(5):
        said = {"id": f"{number:064}", "comment": "x" * 1_000_000}
        image = V1Image(said["id"], said | ({"parent": parent} if parent else {}), b"a layer")
        granted = {"Authorization": f"Token {client.token}"}
        send("PUT", f"/v1/images/{image.id}/json", granted, json.dumps(image.said).encode())
        send("PUT", f"/v1/images/{image.id}/layer", granted, image.layer)
        parent = image.id

    status, reason = refusal(client, f"{V1}/tags/v1", json.dumps(parent).encode())

    assert (status, reason) == (
        400,
        "the image and what it stands on say more than a manifest holds",
    )


def test_a_loop_of_images_ends() -> None:
    client = begun()
    granted = {"Authorization": f"Token {client.token}"}
    for id_, parent in ((BASE_ID, ""), (LEAF_ID, BASE_ID), (BASE_ID, LEAF_ID)):
        said = {"id": id_} | ({"parent": parent} if parent else {})
        send("PUT", f"/v1/images/{id_}/json", granted, json.dumps(said).encode())
        send("PUT", f"/v1/images/{id_}/layer", granted, b"a layer")

    status, reason = refusal(client, f"{V1}/tags/v1", json.dumps(LEAF_ID).encode())

    assert status == 400
    assert reason.startswith("an image may stand on at most")

"""A repository that is read-only: pulled from as before, and changed at no door."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.audit.sightings import flush_sightings
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import OCI_MANIFEST
from registry.access.grants import grant_token
from registry.access.rights import rights_in
from registry.access.scopes import parse_scopes
from registry.blobs.models import BlobLink, UploadSession
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant, set_read_only
from registry.tags.models import Tag
from tests.registry.builders import (
    NOW,
    PASSWORD,
    bearer,
    error_of,
    hold,
    image,
    make_repository,
    make_user,
    owner_of,
    principal_of,
    push,
)

pytestmark = pytest.mark.django_db

SCOPE = "repository:acme/web:pull,push,delete"
V2 = "/v2/acme/web"
API = "/api/v1/repository/acme/web"
LAYER = b"layer"
IMAGE = image(b"{}", LAYER)
DIGEST = str(Digest.of(IMAGE))
OTHER = str(Digest.of(b"elsewhere"))

Headers = Mapping[str, str]


@pytest.fixture
def web() -> Repository:
    """With a tag, and beside it a repository with another blob."""
    web = make_repository("acme/web")
    hold(web, b"{}", LAYER, now=timezone.now())
    push(web, IMAGE, "v1", now=timezone.now())
    hold(make_repository("acme/other"), b"elsewhere", now=timezone.now())
    return web


def closed(repository: Repository, *, is_read_only: bool = True) -> None:
    set_read_only(repository=repository, is_read_only=is_read_only, now=NOW)


def basic(name: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()}


def content() -> list[Any]:
    """All that a change would change."""
    models: list[Any] = [Manifest, Tag, BlobLink, UploadSession]
    return [list(model.objects.order_by("pk").values()) for model in models]


# --- Rights and tokens ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "left"), [(Role.READ, {"pull"}), (Role.WRITE, {"pull"}), (Role.ADMIN, {"pull", "*"})]
)
def test_of_a_role_pulling_and_administering_are_left(
    web: Repository, role: Role, left: set[str]
) -> None:
    bob = make_user("bob")
    grant(repository=web, role=role, holder=bob, now=NOW)
    closed(web)

    assert rights_in(principal=principal_of(bob), path=web.path, repository=web) == left


def test_not_even_a_superuser_with_all_rights_pushes(web: Repository, settings: Settings) -> None:
    settings.FEATURE_SUPERUSERS_FULL_ACCESS = True
    root = principal_of(make_user("super", is_superuser=True))
    closed(web)

    assert rights_in(principal=root, path=web.path, repository=web) == {"pull", "*"}


def test_a_token_does_not_say_that_one_may_push(web: Repository) -> None:
    closed(web)

    issued = grant_token(
        principal=owner_of("acme"), scopes=parse_scopes([SCOPE]), now=timezone.now()
    )

    assert [str(one.scope) for one in issued.grants] == ["repository:acme/web:pull"]


def test_a_token_to_push_by_a_bare_name_is_no_mistake_of_whoever_might(settings: Settings) -> None:
    settings.FEATURE_LIBRARY_SUPPORT = True
    closed(make_repository("library/web"))

    issued = grant_token(
        principal=owner_of("library"),
        scopes=parse_scopes(["repository:web:push"]),
        now=timezone.now(),
    )

    assert issued.grants == []


# --- The OCI protocol -----------------------------------------------------------------------------

STEPS = {
    "a session is opened": ("POST", f"{V2}/blobs/uploads/"),
    "a blob comes at once": ("POST", f"{V2}/blobs/uploads/?digest={Digest.of(b'x')}"),
    "a blob is mounted": ("POST", f"{V2}/blobs/uploads/?mount={OTHER}&from=acme/other"),
    "a blob is mounted from anywhere": ("POST", f"{V2}/blobs/uploads/?mount={OTHER}"),
    "a manifest is pushed": ("PUT", f"{V2}/manifests/{DIGEST}"),
    "a tag is made": ("PUT", f"{V2}/manifests/v2"),
    "a tag is deleted": ("DELETE", f"{V2}/manifests/v1"),
    "a manifest is deleted": ("DELETE", f"{V2}/manifests/{DIGEST}"),
    "a blob is deleted": ("DELETE", f"{V2}/blobs/{Digest.of(LAYER)}"),
}


@pytest.mark.parametrize("is_old", [True, False], ids=["an older token", "a token of now"])
@pytest.mark.parametrize(("method", "path"), STEPS.values(), ids=STEPS.keys())
def test_a_change_by_the_protocol_is_denied_with_the_reason(
    web: Repository, method: str, path: str, is_old: bool
) -> None:
    older = bearer(owner_of("acme"), SCOPE)
    closed(web)
    before = content()
    headers = older if is_old else bearer(owner_of("acme"), SCOPE)

    answer = Client(headers=headers).generic(method, path, IMAGE, OCI_MANIFEST)

    code, message = error_of(answer.json())
    assert (answer.status_code, code, answer.headers["Allow"]) == (405, "DENIED", "GET, HEAD")
    assert message.startswith("acme/web is read-only")
    assert content() == before


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_a_session_that_was_open_goes_no_further(web: Repository, method: str) -> None:
    pusher = Client(headers=bearer(owner_of("acme"), SCOPE))
    location = pusher.post(f"{V2}/blobs/uploads/").headers["Location"]
    pusher.patch(location, b"abc", "application/octet-stream")
    closed(web)
    before = content()

    path = f"{location}?digest={Digest.of(b'abc')}" if method == "PUT" else location
    answer = pusher.generic(method, path, b"", "application/octet-stream")

    assert error_of(answer.json())[0] == "DENIED"
    assert content() == before


def test_pulls_go_on_with_the_same_token(web: Repository) -> None:
    client = Client(headers=bearer(owner_of("acme"), SCOPE))
    closed(web)

    assert client.get(f"{V2}/manifests/v1").content == IMAGE
    assert client.get(f"{V2}/tags/list").json()["tags"] == ["v1"]
    assert client.head(f"{V2}/blobs/{Digest.of(LAYER)}").status_code == 200


def test_what_it_holds_can_be_mounted_elsewhere(web: Repository) -> None:
    closed(web)
    scopes = ("repository:acme/other:pull,push", "repository:acme/web:pull")
    client = Client(headers=bearer(owner_of("acme"), *scopes))

    mounting = f"/v2/acme/other/blobs/uploads/?mount={Digest.of(LAYER)}&from=acme/web"

    assert client.post(mounting).status_code == 201


def test_a_token_pushes_again_once_it_is_taken_back(web: Repository) -> None:
    client = Client(headers=bearer(owner_of("acme"), SCOPE))
    closed(web)
    assert client.post(f"{V2}/blobs/uploads/").status_code == 405

    closed(web, is_read_only=False)

    assert client.post(f"{V2}/blobs/uploads/").status_code == 202


def test_who_may_only_pull_is_told_what_they_are_always_told(web: Repository) -> None:
    bob = make_user("bob")
    grant(repository=web, role=Role.READ, holder=bob, now=NOW)
    client = Client(headers=bearer(principal_of(bob), SCOPE))
    usual = client.post(f"{V2}/blobs/uploads/")
    closed(web)

    answer = client.post(f"{V2}/blobs/uploads/")

    assert (answer.status_code, answer.content) == (usual.status_code, usual.content)


def test_nobody_in_particular_learns_nothing_of_it(web: Repository) -> None:
    usual = Client().post(f"{V2}/blobs/uploads/")
    closed(web)

    answer = Client().post(f"{V2}/blobs/uploads/")

    assert (answer.status_code, answer.content) == (usual.status_code, usual.content)


def test_whoever_might_push_otherwise_was_refused_no_right(web: Repository) -> None:
    closed(web)
    Client(headers=bearer(owner_of("acme"), SCOPE)).post(f"{V2}/blobs/uploads/")
    flush_sightings()

    assert not AuditEvent.objects.filter(action="access.refuse").exists()


# --- Docker's first protocol ----------------------------------------------------------------------

V1 = "/v1/repositories/acme/web"
V1_STEPS = [
    ("PUT", f"{V1}/"),
    ("PUT", f"{V1}/images"),
    ("PUT", f"{V1}/tags/v2"),
    ("DELETE", f"{V1}/tags/v1"),
]


@pytest.mark.parametrize(("method", "path"), V1_STEPS)
def test_a_change_by_dockers_first_protocol_is_refused(
    web: Repository, settings: Settings, method: str, path: str
) -> None:
    settings.V1_PUSH_WHITELIST = ["acme"]
    closed(web)
    before = content()

    answer = Client(headers=basic("acme-owner")).generic(method, path, b"[]", "application/json")

    assert answer.status_code == 405
    assert answer.json()["error"].startswith("acme/web is read-only")
    assert content() == before


# --- The management API ---------------------------------------------------------------------------

API_STEPS = {
    "a tag is moved": ("PUT", f"{API}/tag/v2", f'{{"manifest_digest": "{DIGEST}"}}'),
    "a tag expires": ("PUT", f"{API}/tag/v1", '{"expiration": 4102444800}'),
    "a tag is made immutable": ("PUT", f"{API}/tag/v1", '{"immutable": true}'),
    "a tag is made mutable": ("PUT", f"{API}/tag/v1", '{"immutable": false}'),
    "a tag is deleted": ("DELETE", f"{API}/tag/v1", ""),
    "a tag is restored": ("POST", f"{API}/tag/v1/restore", f'{{"manifest_digest": "{DIGEST}"}}'),
    "a tag is forgotten": (
        "POST",
        f"{API}/tag/v1/expire",
        f'{{"manifest_digest": "{DIGEST}", "is_alive": true}}',
    ),
    "a label is added": (
        "POST",
        f"{API}/manifest/{DIGEST}/labels",
        '{"key": "a", "value": "b", "media_type": "text/plain"}',
    ),
    "a label is deleted": ("DELETE", f"{API}/manifest/{DIGEST}/labels/1", ""),
}


@pytest.mark.parametrize(("method", "path", "body"), API_STEPS.values(), ids=API_STEPS.keys())
def test_a_change_of_content_by_the_management_api_is_refused(
    web: Repository, method: str, path: str, body: str
) -> None:
    closed(web)
    before = content()

    answer = Client(headers=basic("acme-owner")).generic(method, path, body, "application/json")

    assert answer.status_code == 405
    assert answer.json()["message"].startswith("acme/web is read-only")
    assert content() == before


def test_its_description_is_no_content(web: Repository) -> None:
    grant(repository=web, role=Role.WRITE, holder=make_user("bob"), now=NOW)
    closed(web)
    client = Client(headers=basic("bob"))

    answer = client.put(API, '{"description": "new"}', "application/json")

    assert answer.status_code == 200
    assert Repository.objects.get(path="acme/web").description == "new"


def test_it_can_be_deleted(web: Repository) -> None:
    closed(web)

    assert Client(headers=basic("acme-owner")).delete(API).status_code == 204
    assert not Repository.objects.filter(path="acme/web").exists()

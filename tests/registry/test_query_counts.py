"""How many statements the requests that come most often send to the database.

A number that grows is a slower registry; change it only with a reason. What begins
and ends a transaction is not counted, because tests run inside one.
"""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.users.models import User
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import OCI_MANIFEST
from registry.events.outbox import has_hooks
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from registry.tags.services import delete_tag
from tests.registry.builders import (
    NOW,
    PASSWORD,
    bearer,
    descriptor,
    hold,
    image,
    make_repository,
    make_user,
    owner_of,
    push,
)

pytestmark = pytest.mark.django_db

LAYER = b"layer"
CONFIG = b"{}"
BODY = image(CONFIG, LAYER)
OCTETS = "application/octet-stream"
_CONTROL = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")


@pytest.fixture
def web() -> Repository:
    repository = make_repository("acme/web")
    now = datetime.now(UTC)
    hold(repository, CONFIG, LAYER, now=now)
    push(repository, BODY, "v1", now=now)
    return repository


@pytest.fixture
def client(web: Repository) -> Client:
    """A client with a token for everything, which the server has seen before."""
    scopes = ("repository:acme/web:pull,push,delete", "registry:catalog:*")
    client = Client(headers=bearer(owner_of("acme"), *scopes))
    assert client.get("/v2/acme/web/tags/list").status_code == 200
    assert client.get("/v2/acme/web/manifests/v1").status_code == 200  # notes that it was pulled
    has_hooks(Repository.objects.at_path("acme/web"))  # remembered until rights change
    return client


@contextmanager
def statements(expected: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as captured:
        yield
    sent = [query["sql"] for query in captured if not query["sql"].startswith(_CONTROL)]
    assert len(sent) == expected, "\n".join(sent)


READS: dict[str, tuple[int, Callable[[Client], int]]] = {
    "GET /v2/": (1, lambda c: c.get("/v2/").status_code),
    "HEAD manifest by tag": (2, lambda c: c.head("/v2/acme/web/manifests/v1").status_code),
    "GET manifest by tag": (2, lambda c: c.get("/v2/acme/web/manifests/v1").status_code),
    "HEAD manifest by digest": (
        2,
        lambda c: c.head(f"/v2/acme/web/manifests/{Digest.of(BODY)}").status_code,
    ),
    "GET manifest by digest": (
        2,
        lambda c: c.get(f"/v2/acme/web/manifests/{Digest.of(BODY)}").status_code,
    ),
    "HEAD blob": (2, lambda c: c.head(f"/v2/acme/web/blobs/{Digest.of(LAYER)}").status_code),
    "GET blob": (2, lambda c: c.get(f"/v2/acme/web/blobs/{Digest.of(LAYER)}").status_code),
    "tags list": (2, lambda c: c.get("/v2/acme/web/tags/list").status_code),
    "referrers": (
        3,
        lambda c: c.get(f"/v2/acme/web/referrers/{Digest.of(BODY)}").status_code,
    ),
    "catalog": (2, lambda c: c.get("/v2/_catalog").status_code),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_costs_so_many_statements(name: str, client: Client) -> None:
    expected, request = READS[name]

    with statements(expected):
        assert request(client) == 200


def test_to_find_nothing_costs_no_more(client: Client) -> None:
    absent = Digest.of(b"absent")
    for path in (f"manifests/{absent}", f"blobs/{absent}"):
        with statements(2):
            assert client.get(f"/v2/acme/web/{path}").status_code == 404


def test_to_find_no_tag_costs_one_statement_more_that_tells_why(client: Client) -> None:
    with statements(3):
        assert client.get("/v2/acme/web/manifests/absent").status_code == 404


def test_a_first_pull_is_noted_with_one_statement_and_the_next_ones_are_not(
    web: Repository, client: Client
) -> None:
    push(web, image(CONFIG), "new")

    with statements(2):
        assert client.head("/v2/acme/web/manifests/new").status_code == 200
    with statements(3):
        assert client.get("/v2/acme/web/manifests/new").status_code == 200
    with statements(2):
        assert client.get("/v2/acme/web/manifests/new").status_code == 200


def test_a_digest_that_only_a_tag_of_the_past_led_to_costs_some_statements_more(
    web: Repository, client: Client
) -> None:
    delete_tag(repository=web, name="v1", now=datetime.now(UTC))

    with statements(6):
        assert client.get(f"/v2/acme/web/manifests/{Digest.of(BODY)}").status_code == 404


def test_a_digest_that_a_moved_tag_left_behind_costs_three_statements_more(
    web: Repository, client: Client
) -> None:
    push(web, image(CONFIG), "v1", now=datetime.now(UTC))

    with statements(5):
        assert client.get(f"/v2/acme/web/manifests/{Digest.of(BODY)}").status_code == 200


def test_a_token_costs_so_many_statements(web: Repository, client: Client) -> None:
    user = User.objects.get(username="acme-owner")
    credentials = base64.b64encode(f"{user.username}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}"}
    path = "/v2/auth?scope=repository:acme/web:pull,push"
    assert Client().get(path, headers=headers).status_code == 200  # now it is remembered

    with statements(5):
        assert Client().get(path, headers=headers).status_code == 200


def test_an_anonymous_token_costs_so_many_statements(web: Repository, client: Client) -> None:
    with statements(2):
        assert Client().get("/v2/auth?scope=repository:acme/web:pull").status_code == 200


def test_a_blob_in_chunks_costs_so_many_statements(client: Client) -> None:
    with statements(1):
        opened = client.post("/v2/acme/web/blobs/uploads/")
    assert opened.status_code == 202
    location = opened.headers["Location"]

    with statements(4):
        assert client.patch(location, b"new ", "application/octet-stream").status_code == 202
    with statements(6):
        closed = client.put(
            f"{location}?digest={Digest.of(b'new layer')}", b"layer", "application/octet-stream"
        )
    assert closed.status_code == 201


def test_a_blob_in_the_request_that_closes_its_session_costs_so_many_statements(
    client: Client,
) -> None:
    location = client.post("/v2/acme/web/blobs/uploads/").headers["Location"]

    with statements(5):
        closed = client.put(f"{location}?digest={Digest.of(b'new')}", b"new", OCTETS)
    assert closed.status_code == 201


def test_a_blob_in_one_request_costs_so_many_statements(client: Client) -> None:
    path = f"/v2/acme/web/blobs/uploads/?digest={Digest.of(b'new')}"

    with statements(3):
        created = client.generic("POST", path, b"new", "application/octet-stream")
    assert created.status_code == 201


def test_a_mount_costs_so_many_statements(web: Repository, client: Client) -> None:
    make_repository("acme/other")
    headers = bearer(
        owner_of("acme"), "repository:acme/other:pull,push", "repository:acme/web:pull"
    )
    path = f"/v2/acme/other/blobs/uploads/?mount={Digest.of(LAYER)}&from=acme/web"
    client.get("/v2/", headers=headers)

    with statements(5):
        assert client.post(path, headers=headers).status_code == 201


def put(client: Client, tag: str, body: bytes, query: str = "") -> int:
    path = f"/v2/acme/web/manifests/{tag}{query}"
    return client.generic("PUT", path, body, OCI_MANIFEST).status_code


# One of them asks which artifact policy the repository or its organization has selected, one where
# the config is, which is read before the transaction, one whether what it needs as blobs is here as
# manifests too, one whether there is a tag to lock, and one writes who pushed.
def test_a_manifest_costs_so_many_statements(client: Client) -> None:
    with statements(12):
        assert put(client, "new", image(CONFIG, annotations={"a": "b"})) == 201
    with statements(14):
        assert put(client, "new", image(CONFIG, annotations={"a": "c"})) == 201
    with statements(11):
        assert put(client, "new", image(CONFIG, annotations={"a": "c"})) == 201


def test_a_manifest_of_many_layers_costs_no_more_than_one_of_few(
    web: Repository, client: Client
) -> None:
    layers = [f"layer {n}".encode() for n in range(40)]
    hold(web, *layers)

    with statements(14):
        assert put(client, "v1", image(CONFIG, *layers)) == 201


def test_the_tags_list_costs_the_same_however_many_tags_there_are(
    web: Repository, client: Client
) -> None:
    push(web, BODY, "v1", tags=tuple(f"t{n}" for n in range(60)))

    with statements(2):
        response = client.get("/v2/acme/web/tags/list?n=50")
    assert len(response.json()["tags"]) == 50


def test_referrers_cost_the_same_however_many_there_are(web: Repository, client: Client) -> None:
    for n in range(20):
        push(web, image(CONFIG, subject=descriptor(BODY), annotations={"n": str(n)}), f"r{n}")

    with statements(3):
        response = client.get(f"/v2/acme/web/referrers/{Digest.of(BODY)}")
    assert len(response.json()["manifests"]) == 20


def test_rights_that_changed_are_looked_up_again_and_no_more(
    web: Repository, client: Client
) -> None:
    grant(repository=web, role=Role.READ, holder=make_user("carol"), now=NOW)

    with statements(4):
        assert client.head("/v2/acme/web/manifests/v1").status_code == 200

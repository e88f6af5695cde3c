"""Tags by Quay's ``/api/v1/``: shapes, rights, and what is refused."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.credentials.services import issue_application_token
from accounts.users.models import User
from artifacts.oci.digest import Digest
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from registry.tags.models import Tag
from registry.tags.services import set_immutable
from tests.registry.builders import (
    NOW,
    PASSWORD,
    bearer,
    hold,
    image,
    index,
    make_user,
    owner_of,
    push,
)

TAGS = "/api/v1/repository/acme/web/tag/"
ONE, TWO = (image(b"{}", b"layer", annotations={"n": n}) for n in "12")
FIRST, SECOND = str(Digest.of(ONE)), str(Digest.of(TWO))


@pytest.fixture(autouse=True)
def moved(repository: Repository) -> datetime:
    """When ``v1`` was pushed; it was moved an hour later, which is an hour ago."""
    pushed_at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    hold(repository, b"{}", b"layer")
    push(repository, ONE, now=pushed_at)
    push(repository, TWO, now=pushed_at + timedelta(hours=1))
    return pushed_at


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


@pytest.fixture
def owner() -> Client:
    return Client(headers=basic("acme-owner"))


def send(client: Client, method: str, path: str, document: object = None) -> tuple[int, Any]:
    body = b"" if document is None else json.dumps(document).encode()
    answer = client.generic(method, f"{TAGS}{path}", body, "application/json")
    return answer.status_code, json.loads(answer.content) if answer.content else None


def live(name: str = "v1") -> Tag:
    return Tag.objects.live().select_related("manifest").get(name=name)


def test_the_tags_that_are_there_are_listed(owner: Client, moved: datetime) -> None:
    status, answer = send(owner, "GET", "?onlyActiveTags=true")

    started = moved + timedelta(hours=1)
    assert status == 200
    assert answer == {
        "tags": [
            {
                "name": "v1",
                "reversion": False,
                "start_ts": int(started.timestamp()),
                "manifest_digest": SECOND,
                "is_manifest_list": False,
                "size": len(b"layer"),
                "last_modified": f"{started:%a, %d %b %Y %H:%M:%S} -0000",
                "immutable": False,
            }
        ],
        "page": 1,
        "has_additional": False,
    }


def test_the_history_is_listed_with_when_each_ended(owner: Client, moved: datetime) -> None:
    _, answer = send(owner, "GET", "")

    assert [tag["manifest_digest"] for tag in answer["tags"]] == [SECOND, FIRST]
    ended = moved + timedelta(hours=1)
    assert answer["tags"][1]["end_ts"] == int(ended.timestamp())
    assert answer["tags"][1]["expiration"] == f"{ended:%a, %d %b %Y %H:%M:%S} -0000"


def test_pages_and_one_tag(repository: Repository, owner: Client) -> None:
    push(repository, index(), "all", now=datetime.now(UTC))

    first, second = (send(owner, "GET", f"?limit=2&page={n}")[1] for n in (1, 2))
    _, one = send(owner, "GET", "?specificTag=all")

    assert [len(page["tags"]) for page in (first, second)] == [2, 1]
    assert (first["has_additional"], second["has_additional"]) == (True, False)
    assert [(tag["name"], tag["is_manifest_list"]) for tag in one["tags"]] == [("all", True)]


@pytest.mark.parametrize("query", ["?limit=0", "?limit=-1", "?page=x", "?page=²"])
def test_a_page_that_is_none_is_refused(owner: Client, query: str) -> None:
    status, answer = send(owner, "GET", query)

    assert (status, answer["error_type"]) == (400, "invalid_request")


def test_a_page_costs_the_same_however_many_tags_it_has(
    repository: Repository, owner: Client
) -> None:
    push(repository, ONE, "t0", tags=tuple(f"t{n}" for n in range(50)), now=datetime.now(UTC))
    send(owner, "GET", "?limit=1")

    counts = []
    for limit in (1, 50):
        with CaptureQueriesContext(connection) as captured:
            send(owner, "GET", f"?limit={limit}")
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_an_expiry_is_set_and_taken_away(owner: Client) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)

    assert send(owner, "PUT", "v1", {"expiration": int(moment.timestamp())}) == (201, "Updated")
    assert live().expires_at == moment
    assert send(owner, "PUT", "v1", {"expiration": None}) == (201, "Updated")
    assert live().expires_at is None
    assert AuditEvent.objects.filter(action="tag.expiry", actor="acme-owner").count() == 2


def test_a_tag_is_moved_and_made(repository: Repository, owner: Client) -> None:
    push(repository, ONE, "kept", now=datetime.now(UTC))

    assert send(owner, "PUT", "v1", {"manifest_digest": FIRST})[0] == 201
    assert send(owner, "PUT", "new", {"manifest_digest": FIRST})[0] == 201

    assert live().manifest.digest == live("new").manifest.digest == FIRST


def test_a_tag_that_is_made_expires_as_its_manifest_asks(
    repository: Repository, owner: Client
) -> None:
    body = image(b"{}", annotations={"quay.expires-after": "1d"})
    push(repository, body, "old", now=datetime.now(UTC))

    send(owner, "PUT", "new", {"manifest_digest": str(Digest.of(body))})

    assert live("new").expiry_source == "annotation"


def test_a_tag_is_deleted_restored_and_deleted_for_good(owner: Client, settings: Settings) -> None:
    settings.PERMANENTLY_DELETE_TAGS = True

    assert send(owner, "DELETE", "v1") == (204, None)
    assert not Tag.objects.live().exists()
    assert send(owner, "POST", "v1/restore", {"manifest_digest": FIRST}) == (200, {})
    assert live().manifest.digest == FIRST
    assert send(owner, "GET", "?onlyActiveTags=true")[1]["tags"][0]["reversion"] is True
    assert send(owner, "POST", "v1/expire", {"manifest_digest": SECOND}) == (200, {})
    assert not Tag.objects.filter(manifest__digest=SECOND).exists()


def test_an_immutable_tag_answers_409(repository: Repository, owner: Client) -> None:
    assert send(owner, "PUT", "v1", {"immutable": True}) == (201, "Updated")
    push(repository, ONE, "kept", now=datetime.now(UTC))

    for method, path, document in (
        ("DELETE", "v1", None),
        ("PUT", "v1", {"manifest_digest": FIRST}),
        ("POST", "v1/restore", {"manifest_digest": FIRST}),
    ):
        status, answer = send(owner, method, path, document)
        assert (status, answer["error_type"]) == (409, "tag_immutable")
    assert live().manifest.digest == SECOND


def test_only_an_administrator_makes_a_tag_mutable(repository: Repository, owner: Client) -> None:
    set_immutable(repository=repository, name="v1", is_immutable=True, now=datetime.now(UTC))
    grant(repository=repository, role=Role.WRITE, holder=make_user("writer"), now=NOW)

    status, answer = send(Client(headers=basic("writer")), "PUT", "v1", {"immutable": False})
    assert (status, answer["error_type"]) == (403, "insufficient_scope")
    assert live().is_immutable

    assert send(owner, "PUT", "v1", {"immutable": False})[0] == 201
    assert not live().is_immutable


def test_a_change_that_is_refused_in_part_changes_nothing(
    repository: Repository, owner: Client
) -> None:
    push(repository, ONE, "kept", now=datetime.now(UTC))

    status, _ = send(owner, "PUT", "v1", {"manifest_digest": FIRST, "expiration": 1})

    assert status == 400
    assert live().manifest.digest == SECOND


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "v1",
        {"colour": "blue"},
        {"manifest_digest": 3},
        {"manifest_digest": "a\x00b"},
        {"expiration": "soon"},
        {"expiration": True},
        {"expiration": -1},
        {"expiration": 10**18},
        {"expiration": 1.5},
        {"expiration": 60},
        {"immutable": "yes"},
    ],
)
def test_a_document_that_is_none_is_refused(owner: Client, document: object) -> None:
    status, answer = send(owner, "PUT", "v1", document)

    assert (status, answer["error_type"]) == (400, "invalid_request")
    assert answer["status"] == 400
    assert answer["detail"] == answer["error_message"] != ""


def test_json_is_taken_for_json_whatever_the_header_says(owner: Client) -> None:
    answer = owner.generic(
        "PUT", f"{TAGS}v1", b'{"immutable": true}', "application/x-www-form-urlencoded"
    )

    assert answer.status_code == 201
    assert live().is_immutable


def test_what_is_no_json_is_refused(owner: Client) -> None:
    answer = owner.generic("PUT", f"{TAGS}v1", b"{", "application/json")

    assert (answer.status_code, answer.json()["error_type"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("PUT", "none", {"expiration": None}),
        ("PUT", "v1", {"manifest_digest": str(Digest.of(b"never"))}),
        ("DELETE", "none", None),
        ("POST", "v1/restore", {"manifest_digest": str(Digest.of(b"never"))}),
    ],
)
def test_what_is_not_there_answers_404(
    owner: Client, method: str, path: str, document: object
) -> None:
    status, answer = send(owner, method, path, document)

    assert (status, answer["error_type"]) == (404, "not_found")


REQUESTS: list[tuple[str, str, object]] = [
    ("GET", "", None),
    ("PUT", "v1", {"expiration": None}),
    ("DELETE", "v1", None),
    ("POST", "v1/restore", {"manifest_digest": FIRST}),
    ("POST", "v1/expire", {"manifest_digest": FIRST}),
]


@pytest.mark.parametrize(("method", "path", "document"), REQUESTS)
def test_who_has_no_right_learns_nothing(method: str, path: str, document: object) -> None:
    make_user("stranger")
    for headers, status in (({}, 401), (basic("stranger"), 404)):
        client = Client(headers=headers)
        answers = [
            client.generic(
                method,
                f"/api/v1/repository/acme/{repository}/tag/{path}",
                json.dumps(document).encode(),
                "application/json",
            )
            for repository in ("web", "non")
        ]
        assert [answer.status_code for answer in answers] == [status, status]
        here, nowhere = (answer.content.decode() for answer in answers)
        assert here.replace("acme/web", "acme/non") == nowhere
    assert live().manifest.digest == SECOND


@pytest.mark.parametrize(("method", "path", "document"), REQUESTS[1:])
def test_who_may_only_read_changes_nothing(
    repository: Repository, method: str, path: str, document: object
) -> None:
    grant(repository=repository, role=Role.READ, holder=make_user("reader"), now=NOW)
    reader = Client(headers=basic("reader"))

    assert send(reader, method, path, document)[0] == 403
    assert send(reader, "GET", "")[0] == 200
    assert live().manifest.digest == SECOND


def test_an_application_token_is_a_bearer_token_here() -> None:
    token = issue_application_token(
        user=User.objects.get(username="acme-owner"),
        title="t",
        scope="read",
        expires_at=None,
        now=NOW,
    )
    client = Client(headers={"Authorization": f"Bearer {token}"})

    assert send(client, "GET", "")[0] == 200
    assert send(client, "DELETE", "v1")[0] == 403
    assert send(Client(headers={"Authorization": "Bearer wrong"}), "GET", "")[0] == 401


def test_a_token_of_the_registry_is_taken_for_what_it_says() -> None:
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    assert send(client, "GET", "")[0] == 200
    assert send(client, "DELETE", "v1")[0] == 403


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_answer_405(owner: Client, method: str) -> None:
    assert send(owner, method, "")[0] == 405


def test_nested_names_are_repositories_too(owner: Client) -> None:
    for path in ("acme/web/tag/v1/tag/", "acme/tag/tag/", "acme/web/x/tag/v1"):
        answer = owner.get(f"/api/v1/repository/{path}")
        assert answer.status_code in {404, 405}
        assert answer.json()["error_type"] in {"not_found", "invalid_request"}

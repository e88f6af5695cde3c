"""What leaves a trace when somebody is refused, logs in, or takes blobs away."""

import base64
import logging

import pytest
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.audit.sightings import flush_sightings
from accounts.credentials.services import issue_robot_token
from artifacts.oci.digest import Digest
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from tests.registry.builders import (
    NOW,
    PASSWORD,
    bearer,
    hold,
    make_repository,
    make_robot,
    make_user,
    owner_of,
    principal_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web")


def basic(name: str, secret: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def events(action: str = "access.refuse") -> list[tuple[str, str, object]]:
    flush_sightings()
    found = AuditEvent.objects.filter(action=action).order_by("pk")
    return [(event.actor, event.target, event.facts.get("right")) for event in found]


DOORS = {
    "distribution": "/v2/acme/web/tags/list",
    "distribution by manifest": "/v2/acme/web/manifests/v1",
    "docker v1": "/v1/repositories/acme/web/tags",
    "helm": "/helm/acme/charts/web/web-1.0.0.tgz",
    "management": "/api/v1/repository/acme/web/tag/",
}


@pytest.mark.parametrize("path", DOORS.values(), ids=DOORS.keys())
def test_whoever_is_known_and_refused_at_any_door_is_written_down(
    web: Repository, path: str
) -> None:
    make_user("bob")

    Client().get(path, headers=basic("bob"))

    assert events() == [("bob", "acme/web", "pull")]


def test_a_robot_s_refusal_is_written_down_with_its_address(web: Repository) -> None:
    robot = make_robot(make_repository("other/x").namespace.organization)
    secret = issue_robot_token(robot=robot, now=NOW)

    Client(REMOTE_ADDR="192.0.2.9").get("/v2/acme/web/tags/list", headers=basic(robot.name, secret))

    flush_sightings()
    event = AuditEvent.objects.get(action="access.refuse")
    assert (event.actor, event.address) == ("other+ci", "192.0.2.9")


def test_a_refusal_by_token_is_written_down_and_once_a_minute(
    web: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    bob = make_user("bob")
    headers = bearer(principal_of(bob), "repository:acme/web:pull")

    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            Client().get("/v2/acme/web/tags/list", headers=headers)

    assert events() == [("bob", "acme/web", "pull")]
    assert [record.name for record in caplog.records] == ["registry.access.refusals"]
    assert "bob, from 127.0.0.1, may not pull from acme/web" in caplog.text


def test_a_right_that_is_not_enough_is_named(web: Repository) -> None:
    bob = make_user("bob")
    grant(repository=web, role=Role.READ, holder=bob, now=NOW)

    Client().post("/v2/acme/web/blobs/uploads/", headers=basic("bob"))

    assert events() == [("bob", "acme/web", "push")]


def test_a_token_that_says_less_than_its_owner_may_is_no_refusal(web: Repository) -> None:
    headers = bearer(owner_of("acme"), "repository:acme/web:pull")

    answer = Client().post("/v2/acme/web/blobs/uploads/", headers=headers)

    assert answer.status_code == 401
    assert events() == []


def test_who_asks_for_what_is_not_there_is_not_written_down() -> None:
    make_user("bob")

    Client().get("/v2/bob/typo/tags/list", headers=basic("bob"))

    assert events() == []


def test_a_push_to_a_place_of_others_is_written_down(web: Repository) -> None:
    make_user("bob")

    Client().post("/v2/acme/new/blobs/uploads/", headers=basic("bob"))

    assert events() == [("bob", "acme/new", "push")]


def test_a_push_to_the_library_is_refused_with_the_token_and_written_down() -> None:
    make_user("bob")

    answer = Client().get("/v2/auth?scope=repository:web:pull,push", headers=basic("bob"))

    assert answer.status_code == 403
    assert events() == [("bob", "library/web", "push")]


def test_nobody_in_particular_leaves_a_line_and_no_event(
    web: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    token = Client().get("/v2/auth?scope=repository:acme/web:pull").json()["token"]

    with caplog.at_level(logging.INFO):
        for _ in range(3):
            headers = {"Authorization": f"Bearer {token}"}
            Client().get("/v2/acme/web/tags/list", headers=headers)

    assert events() == []
    assert [record.message for record in caplog.records] == [
        "nobody in particular, from 127.0.0.1, may not pull from acme/web"
    ]


def test_the_first_request_of_a_client_is_no_refusal(
    web: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for path in DOORS.values():
            Client().get(path)

    assert not [one for one in caplog.records if one.name == "registry.access.refusals"]


def test_the_logins_of_a_client_are_one_event_an_hour(web: Repository) -> None:
    make_user("bob")
    for _ in range(3):
        Client().get("/v2/auth", headers=basic("bob"))
    Client(REMOTE_ADDR="192.0.2.9").get("/v2/auth", headers=basic("bob"))
    Client().get("/helm/acme/index.yaml", headers=basic("bob"))

    flush_sightings()
    found = AuditEvent.objects.filter(action="user.login").order_by("pk")
    assert [(event.actor, event.address, event.facts["door"]) for event in found] == [
        ("bob", "127.0.0.1", "/v2"),
        ("bob", "192.0.2.9", "/v2"),
        ("bob", "127.0.0.1", "/helm"),
    ]


def test_a_robot_s_login_is_in_the_log_of_its_organization(web: Repository) -> None:
    robot = make_robot(web.namespace.organization)
    secret = issue_robot_token(robot=robot, now=NOW)

    Client().get("/v2/auth", headers=basic(robot.name, secret))

    flush_sightings()
    assert AuditEvent.objects.get(action="robot.login").namespace == "acme"


def test_a_login_that_is_refused_is_none() -> None:
    make_user("bob")

    Client().get("/v2/auth", headers=basic("bob", "wrong"))

    assert events("user.login") == []


def test_a_deleted_blob_is_written_down(web: Repository) -> None:
    hold(web, b"layer")
    owner = owner_of("acme")
    headers = bearer(owner, "repository:acme/web:pull,delete")

    answer = Client().delete(f"/v2/acme/web/blobs/{Digest.of(b'layer')}", headers=headers)

    assert answer.status_code == 202
    event = AuditEvent.objects.get(action="blob.delete")
    assert (event.actor, event.address) == ("acme-owner", "127.0.0.1")
    assert event.target == f"acme/web@{Digest.of(b'layer')}"


def test_a_blob_that_cannot_be_deleted_leaves_no_event(web: Repository) -> None:
    headers = bearer(owner_of("acme"), "repository:acme/web:pull,delete")

    Client().delete(f"/v2/acme/web/blobs/{Digest.of(b'absent')}", headers=headers)

    assert events("blob.delete") == []


def mount(source: str, content: bytes = b"layer") -> int:
    headers = bearer(
        owner_of("acme"), f"repository:{source}:pull", "repository:acme/other:pull,push"
    )
    path = f"/v2/acme/other/blobs/uploads/?mount={Digest.of(content)}&from={source}"
    return Client().post(path, headers=headers).status_code


def test_what_is_mounted_from_another_repository_is_written_down(web: Repository) -> None:
    make_repository("acme/other")
    hold(web, b"layer", b"second")

    assert [mount("acme/web"), mount("acme/web", b"second")] == [201, 201]

    flush_sightings()
    event = AuditEvent.objects.get(action="blob.mount")
    assert (event.actor, event.repository) == ("acme-owner", "acme/other")
    assert event.facts["source"] == "acme/web"


def test_what_is_mounted_from_the_repository_itself_is_not(web: Repository) -> None:
    hold(make_repository("acme/other"), b"layer")

    assert mount("acme/other") == 201
    assert events("blob.mount") == []

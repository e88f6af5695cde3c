"""Exports of the log: by an address that only those know who are told, and that ends."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.audit import exports
from accounts.audit.models import LogExport
from accounts.audit.services import Actor
from accounts.mail.models import OutgoingMail
from accounts.outgoing.client import Answer, CallFailed
from registry.repositories.models import Repository
from tests.registry.api.management.asking import ask, token
from tests.registry.builders import make_repository

pytestmark = pytest.mark.django_db

WEB, ACME = "/repository/acme/web", "/organization/acme"


@pytest.fixture
def web() -> Repository:
    web = make_repository("acme/web")
    Repository.objects.update(created_at=timezone.now() - timedelta(days=90))
    Actor("bob").did("tag.delete", "acme/web:v1", now=timezone.now() - timedelta(hours=1), tag="v1")
    return web


@pytest.fixture
def owner(web: Repository) -> Client:
    return Client(headers=token("acme-owner"), raise_request_exception=False)


def path_of(said: dict[str, Any]) -> str:
    return urlsplit(str(said["exported_data_url"])).path


def test_an_export_is_lines_of_what_the_log_says(owner: Client) -> None:
    status, said = ask(owner, "POST", f"{WEB}/exportlogs")

    answer = Client().get(path_of(said))

    lines = [json.loads(line) for line in answer.getvalue().decode().splitlines()]
    assert status == 200
    assert [line["kind"] for line in lines] == ["delete_tag"]
    assert lines[0]["performer"]["name"] == "bob"


def test_an_export_holds_the_days_that_were_asked_for(owner: Client) -> None:
    _, said = ask(owner, "POST", f"{WEB}/exportlogs?starttime=1/1/2020&endtime=1/2/2020")

    assert Client().get(path_of(said)).getvalue() == b""


def test_an_export_of_an_organization_holds_all_its_repositories(owner: Client) -> None:
    _, said = ask(owner, "POST", f"{ACME}/exportlogs")

    assert b"delete_tag" in Client().get(path_of(said)).getvalue()


def test_an_export_ends(owner: Client) -> None:
    _, said = ask(owner, "POST", f"{WEB}/exportlogs")
    LogExport.objects.update(expires_at=timezone.now())

    assert Client().get(path_of(said)).status_code == 404


@pytest.mark.parametrize("end", ["", ".", ".0000"])
def test_the_id_of_an_export_is_not_its_address(owner: Client, end: str) -> None:
    _, said = ask(owner, "POST", f"{WEB}/exportlogs")

    answer = Client().get(f"/api/v1/exportedlogs/{said['export_id']}{end}")

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "callback",
    ["http://ci.example.com/", "https://127.0.0.1/", "ftp://ci.example.com", "https://", "x"],
)
def test_a_callback_that_may_not_be_asked_is_refused(
    owner: Client, callback: str, settings: Any
) -> None:
    settings.BERTH = settings.BERTH.model_copy(update={"OUTGOING_ALLOW_HTTP": False})

    assert ask(owner, "POST", f"{WEB}/exportlogs", {"callback_url": callback})[0] == 400
    assert not LogExport.objects.exists()


def test_a_place_has_so_many_exports_at_a_time(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_EXPORTS", 1)
    ask(owner, "POST", f"{WEB}/exportlogs")

    assert ask(owner, "POST", f"{ACME}/exportlogs")[0] == 400


def test_a_callback_is_told_the_address(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bytes] = []

    def answer(*_: Any, body: bytes, **__: Any) -> Answer:
        told.append(body)
        return Answer(200, "OK", {}, b"", True)

    monkeypatch.setattr(exports, "call", answer)
    _, said = ask(
        owner, "POST", f"{WEB}/exportlogs", {"callback_url": "https://ci.example.com/done"}
    )
    asked = [exports.tell_callbacks(now=timezone.now(), limit=5) for _ in range(2)]

    document = json.loads(told[0])
    assert asked == [1, 0]
    assert document["exported_data_url"] == said["exported_data_url"]
    assert (document["namespace"], document["repository"]) == ("acme", "web")


def test_a_callback_that_does_not_listen_is_asked_five_times(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Answer:
        raise CallFailed("no")

    monkeypatch.setattr(exports, "call", fail)
    ask(owner, "POST", f"{WEB}/exportlogs", {"callback_url": "https://ci.example.com/done"})

    now = timezone.now()
    hours = [now + timedelta(minutes=minutes) for minutes in (0, 1, 5, 15, 40, 50, 55)]
    assert [exports.tell_callbacks(now=at, limit=5) for at in hours] == [1, 1, 1, 1, 1, 0, 0]


def test_a_mail_tells_the_address(owner: Client, settings: Any) -> None:
    mailing = {"FEATURE_MAILING": True, "MAIL_SERVER": "mail.example.com"}
    settings.BERTH = settings.BERTH.model_copy(update=mailing)
    said = ask(owner, "POST", f"{WEB}/exportlogs", {"callback_email": "a@example.com"})[1]

    assert said["exported_data_url"] in OutgoingMail.objects.get(recipient="a@example.com").body
    assert mail.outbox == []


@pytest.mark.parametrize("email", ["nobody", "a@example.com\nBcc: b@example.com"])
def test_a_mail_to_no_address_is_refused(owner: Client, email: str) -> None:
    assert ask(owner, "POST", f"{WEB}/exportlogs", {"callback_email": email})[0] == 400

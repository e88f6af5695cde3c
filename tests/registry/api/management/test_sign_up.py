"""Making an account for oneself by ``POST /user/``: only where the pages let strangers do it."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.users.models import User
from tests.registry.api.management.asking import basic
from tests.registry.builders import PASSWORD

pytestmark = pytest.mark.django_db

SAID = {"username": "bob", "password": PASSWORD, "email": "bob@example.com"}


@pytest.fixture(autouse=True)
def _is_open(settings: Settings) -> None:
    settings.FEATURE_USER_CREATION = True
    cache.clear()


def sign_up(**more: str) -> Any:
    client = Client(raise_request_exception=False)
    token = client.get("/csrf_token").json()["csrf_token"]
    said = {"X-CSRF-Token": token}
    return client.post("/api/v1/user/", {**SAID, **more}, "application/json", headers=said)


def test_a_stranger_makes_an_account_and_logs_in() -> None:
    answer = sign_up()

    assert (answer.status_code, answer.json()) == (200, {"awaiting_verification": False})
    assert Client().get("/api/v1/user/", headers=basic("bob")).status_code == 200


def test_who_made_it_is_written_down() -> None:
    sign_up()

    assert AuditEvent.objects.get(action="user.create").actor == "bob"


def test_where_mail_is_sent_the_address_is_verified_first(settings: Settings) -> None:
    settings.FEATURE_MAILING = True

    assert sign_up().json() == {"awaiting_verification": True}

    assert not EmailAddress.objects.get(user__username="bob").verified
    assert Client().get("/api/v1/user/", headers=basic("bob")).status_code == 403


@pytest.mark.parametrize(
    "change",
    [{"username": "Bad Name"}, {"username": "api"}, {"password": "1"}, {"email": "nothing"}],
)
def test_what_pages_refuse_makes_no_account(change: dict[str, str]) -> None:
    assert sign_up(**change).status_code == 400
    assert not User.objects.exists()


def test_where_mail_is_sent_an_address_is_needed(settings: Settings) -> None:
    settings.FEATURE_MAILING = True

    assert sign_up(email="").status_code == 400
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "key", ["FEATURE_USER_CREATION", "FEATURE_DIRECT_LOGIN"], ids=["closed", "by a service alone"]
)
def test_where_strangers_make_no_accounts_there_is_no_such_route(
    settings: Settings, key: str
) -> None:
    setattr(settings, key, False)

    assert sign_up().status_code == 404
    assert not User.objects.exists()


def test_another_site_makes_no_account() -> None:
    answer = Client().post("/api/v1/user/", SAID, "application/json")

    assert answer.status_code == 403
    assert not User.objects.exists()


def test_nobody_makes_many_accounts_at_once() -> None:
    statuses = {sign_up(username=f"person{number}").status_code for number in range(25)}

    assert statuses == {200, 429}

"""Forms whose answer shows a secret: whoever sends one again makes nothing again."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.credentials.applications import create_application
from accounts.credentials.models import AccessToken, OAuthApplication
from accounts.credentials.services import issue_robot_token
from accounts.organizations.models import Organization
from accounts.users.models import User
from registry.events.models import Hook
from tests.registry.builders import NOW, make_organization, make_robot
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

FORMS: dict[str, dict[str, Any]] = {
    "/acme/-/new-hook?format=standard": {
        **{"format": "standard", "url": "https://hooks.example.com", "events": ["tag.pushed"]},
        **{"title": "", "days": 5, "secret": "make", "syntax": "glob"},
    },
    "/acme/-/robots/ci/token": {"days": "30"},
    "/acme/-/applications": {"name": "app"},
    reverse("ui:tokens"): {"title": "ci", "scope": "write", "days": "30"},
}


@pytest.fixture
def acme(db: None) -> Organization:
    organization = make_organization("acme")
    issue_robot_token(robot=make_robot(organization), now=NOW)
    return organization


@pytest.fixture
def owner(acme: Organization) -> Client:
    return browser(User.objects.get(username="acme-owner"))


def made() -> set[Any]:
    rows = (Hook.objects.all(), AccessToken.objects.all(), OAuthApplication.objects.all())
    return {(type(row), row.pk) for found in rows for row in found}


def mark_of(client: Client, address: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', client.get(address).content.decode())
    assert found is not None
    return found[1]


@pytest.mark.parametrize("address", FORMS)
def test_a_form_that_is_sent_again_makes_nothing_again(address: str, owner: Client) -> None:
    form = {**FORMS[address], "once": mark_of(owner, address)}
    owner.post(address, form)
    first = made()

    owner.post(address, form)

    assert made() == first


@pytest.mark.parametrize("address", FORMS)
def test_who_sends_it_again_is_told_why_nothing_happens(address: str, owner: Client) -> None:
    form = {**FORMS[address], "once": mark_of(owner, address)}
    owner.post(address, form)

    answer = owner.post(address, form, follow=True)

    assert "This form was sent already" in answer.content.decode()


@pytest.mark.parametrize("address", FORMS)
def test_the_form_of_another_visit_is_taken(address: str, owner: Client) -> None:
    owner.post(address, {**FORMS[address], "once": mark_of(owner, address)})
    first = made()

    owner.post(address, {**FORMS[address], "once": mark_of(owner, address)})

    assert made() != first


def test_a_form_that_was_refused_may_be_sent_again(owner: Client) -> None:
    address = "/acme/-/applications"
    mark = mark_of(owner, address)
    owner.post(address, {"name": "", "once": mark})

    owner.post(address, {"name": "app", "once": mark})

    assert OAuthApplication.objects.count() == 1


def test_another_secret_is_made_once(acme: Organization, owner: Client) -> None:
    app, _ = create_application(organization=acme, name="app", now=NOW)
    address = f"/acme/-/applications/{app.client_id}"
    form = {"once": mark_of(owner, address)}
    owner.post(f"{address}/secret", form)
    app.refresh_from_db()

    owner.post(f"{address}/secret", form)

    assert OAuthApplication.objects.get().secret_sha256 == app.secret_sha256

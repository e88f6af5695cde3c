"""Pages of OAuth applications."""

import re

import pytest
from django.test import Client

from accounts.credentials.applications import create_application, issue_token
from accounts.credentials.models import OAuthApplication
from accounts.credentials.services import fingerprint
from accounts.users.models import User
from tests.registry.builders import NOW, make_organization, make_user
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

ALL = "/acme/-/applications"


@pytest.fixture
def app() -> OAuthApplication:
    made, _ = create_application(organization=make_organization("acme"), name="Deployer", now=NOW)
    return made


@pytest.fixture
def owner(app: OAuthApplication) -> Client:
    return browser(User.objects.get(username="acme-owner"))


def test_a_new_application_shows_its_secret_once(owner: Client) -> None:
    answer = owner.post(ALL, {"name": "Second"})

    made = OAuthApplication.objects.get(name="Second")
    (secret,) = set(re.findall(r"berth_[\w-]{43}", answer.content.decode()))
    assert made.secret_sha256 == fingerprint(secret)
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret not in owner.get(f"{ALL}/{made.client_id}").content.decode()


def test_a_redirect_address_that_is_none_is_refused(owner: Client) -> None:
    answer = owner.post(ALL, {"name": "Second", "redirect_uri": "javascript:alert(1)"})

    assert answer.status_code == 422


def test_an_application_is_changed(owner: Client, app: OAuthApplication) -> None:
    owner.post(f"{ALL}/{app.client_id}", {"name": "Other", "redirect_uri": "https://a.example.com"})

    app.refresh_from_db()
    assert (app.name, app.redirect_uri) == ("Other", "https://a.example.com")


def test_a_page_shows_who_gave_a_token(owner: Client, app: OAuthApplication) -> None:
    bob = make_user("bob")
    issue_token(
        application=app, user=bob, title="t", scope="repo:read", expires_at=None, now=NOW
    )  # fmt: skip

    assert "bob" in owner.get(f"{ALL}/{app.client_id}").content.decode()


def test_a_new_secret_takes_the_place_of_the_old(owner: Client, app: OAuthApplication) -> None:
    owner.post(f"{ALL}/{app.client_id}/secret")

    assert OAuthApplication.objects.get().secret_sha256 != app.secret_sha256


def test_an_application_is_deleted(owner: Client, app: OAuthApplication) -> None:
    owner.post(f"{ALL}/{app.client_id}/delete")

    assert not OAuthApplication.objects.exists()


@pytest.mark.parametrize("rest", ["", "/CLIENT", "/CLIENT/secret", "/CLIENT/delete"])
def test_nobody_else_sees_applications(app: OAuthApplication, rest: str) -> None:
    path = f"{ALL}{rest}".replace("CLIENT", app.client_id)

    assert browser(make_user("bob")).post(path).status_code == 404

"""No page of allauth keeps its own look and its own words."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from allauth.urls import urlpatterns
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver
from pytest_django import Settings

from tests.registry.builders import PASSWORD, make_user
from tests.ui.accounts.test_accounts import sign_in

pytestmark = pytest.mark.django_db


def paths(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """Addresses below /account/ that need nothing filled in."""
    for entry in patterns:
        path = prefix + str(entry.pattern).lstrip("^")
        if "<" in path or "(" in path:
            continue
        if isinstance(entry, URLResolver):
            yield from paths(entry.url_patterns, path)
        else:
            yield path


HEAD = re.compile(r'<div class="b-head">.*<h1.*class="container-xl b-body"', re.DOTALL)
OURS = Path(__file__).parents[3] / "templates"
PATHS = sorted(set(paths(urlpatterns)))
# Who has no second factor does not find these.
OF_A_SECOND_FACTOR = {"2fa/recovery-codes/", "2fa/recovery-codes/download/", "2fa/totp/deactivate/"}


@pytest.fixture(params=["nobody", "alice"])
def client(request: pytest.FixtureRequest) -> Client:
    cache.clear()
    if request.param == "nobody":
        return Client()
    make_user()
    browser = sign_in()
    browser.post("/account/reauthenticate/", {"password": PASSWORD})
    return browser


def expected_status(path: str, client: Client) -> int:
    if path.endswith("/login/error/"):
        return 401
    is_alice = "_auth_user_id" in client.session
    return 404 if is_alice and path in OF_A_SECOND_FACTOR else 200


@pytest.mark.parametrize("mails", [True, False])
def test_every_page_of_allauth_is_in_our_frame(
    client: Client, settings: Settings, mails: bool
) -> None:
    settings.FEATURE_MAILING = mails

    for path in PATHS:
        answer = client.get(f"/account/{path}", follow=True)
        if answer.headers["Content-Type"] == "application/json":  # what passkeys ask a script for
            continue
        text = answer.content.decode()
        assert str(answer.templates[0].origin).startswith(str(OURS)), path
        assert answer.status_code == expected_status(path, client), path
        assert 'class="b-bar"' in text, path
        assert text.count("<h1") == 1, path
        assert answer.status_code == 404 or HEAD.search(text), path
        assert "style=" not in text, path


def test_there_are_many_such_pages() -> None:
    assert len(PATHS) > 20
    assert "login/" in PATHS
    assert "2fa/totp/activate/" in PATHS

"""The first account, made by a script."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.credentials.models import AccessToken
from accounts.organizations.models import Organization
from accounts.users.models import User
from config.serving import preparation
from tests.registry.api.management.asking import ask
from tests.registry.builders import PASSWORD, make_user

pytestmark = pytest.mark.django_db

FIRST = {"username": "quayadmin", "password": PASSWORD, "email": "a@example.com"}


@pytest.fixture(autouse=True)
def _is_on(settings: Any) -> None:
    settings.FEATURE_USER_INITIALIZE = True


def test_the_first_account_is_a_superuser_with_a_token_for_everything(client: Client) -> None:
    status, said = ask(client, "POST", "/user/initialize", {**FIRST, "access_token": True})

    assert (status, said["username"], said["email"]) == (200, "quayadmin", "a@example.com")
    assert User.objects.get().is_superuser
    headers = {"Authorization": f"Bearer {said['access_token']}"}
    assert ask(Client(headers=headers), "GET", "/superuser/users/")[0] == 200


def test_its_token_ends_after_two_and_a_half_hours(client: Client) -> None:
    ask(client, "POST", "/user/initialize", {**FIRST, "access_token": True})

    ends = AccessToken.objects.get().expires_at
    assert ends is not None
    assert abs(ends - timezone.now() - timedelta(hours=2.5)) < timedelta(minutes=1)


def test_without_the_wish_there_is_no_token(client: Client) -> None:
    _, said = ask(client, "POST", "/user/initialize", FIRST)

    assert set(said) == {"username", "email", "encrypted_password"}


def test_it_owns_the_library_and_is_in_the_trail(client: Client) -> None:
    ask(client, "POST", "/user/initialize", FIRST)

    team = Organization.objects.get(namespace__name="library").teams.get(name="owners")
    assert [str(member.user) for member in team.members.all()] == ["quayadmin"]
    assert AuditEvent.objects.get(action="user.create").actor == "quayadmin"


def test_nobody_comes_second(client: Client) -> None:
    make_user()

    status, said = ask(client, "POST", "/user/initialize", FIRST)

    assert (status, said["message"]) == (400, "there is an account already: sign in with it")
    assert not User.objects.filter(username="quayadmin").exists()


@pytest.mark.parametrize("change", [{"password": "x"}, {"username": "A b"}, {"email": "nobody"}])
def test_an_account_that_cannot_be_is_refused(client: Client, change: dict[str, str]) -> None:
    assert ask(client, "POST", "/user/initialize", {**FIRST, **change})[0] == 400
    assert not User.objects.exists()


def test_it_is_refused_unless_it_is_switched_on(client: Client, settings: Any) -> None:
    settings.FEATURE_USER_INITIALIZE = False

    assert ask(client, "POST", "/user/initialize", FIRST)[0] == 400
    assert not User.objects.exists()


def test_the_first_start_leaves_the_first_account_to_it() -> None:
    preparation._ensure_administrator("", timezone.now())

    assert not User.objects.exists()


def test_a_registry_without_a_superuser_gets_one_beside_its_people() -> None:
    make_user()
    preparation._ensure_administrator("", timezone.now())

    assert User.objects.get(is_superuser=True).username == "admin"

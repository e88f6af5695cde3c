"""Deleting an account, names for new people, and what is encrypted."""

from datetime import datetime

import pytest
from cryptography.fernet import InvalidToken
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.credentials.sealing import cipher
from accounts.credentials.services import authenticate, issue_robot_token
from accounts.errors import LastOwner, LastSuperuser
from accounts.organizations.departures import delete_account
from accounts.organizations.models import Organization, TeamMember
from accounts.organizations.services import add_member
from accounts.users.models import Namespace, Robot, User
from accounts.users.services import create_robot, create_user
from accounts.users.suggestions import suggest_name
from artifacts.oci.errors import Unauthorized
from tests.accounts.conftest import PASSWORD


def test_who_leaves_takes_robots_and_memberships_along(
    acme: Organization, alice: User, bob: User, now: datetime
) -> None:
    add_member(team=acme.teams.get(), member=bob, now=now)
    robot = create_robot(owner=bob.namespace, short_name="ci", now=now)
    token = issue_robot_token(robot=robot, now=now)

    delete_account(user=bob, now=now)

    assert not User.objects.filter(username="bob").exists()
    assert not Namespace.objects.filter(name="bob").exists()
    assert not Robot.objects.exists()
    assert TeamMember.objects.get().user == alice
    assert AuditEvent.objects.filter(action="user.delete", target="bob").exists()
    with pytest.raises(Unauthorized):
        authenticate(username="bob+ci", password=token, address="", now=now)


def test_the_last_owner_stays(acme: Organization, alice: User, now: datetime) -> None:
    with pytest.raises(LastOwner):
        delete_account(user=alice, now=now)

    assert User.objects.filter(username="alice").exists()


def test_the_last_superuser_stays(db: None, now: datetime) -> None:
    boss = create_user(username="boss", password=PASSWORD, is_superuser=True, now=now)

    with pytest.raises(LastSuperuser):
        delete_account(user=boss, now=now)


def test_a_name_that_was_freed_can_be_taken(alice: User, now: datetime) -> None:
    delete_account(user=alice, now=now)

    assert create_user(username="alice", password=PASSWORD, now=now).pk != alice.pk


@pytest.mark.parametrize(
    ("wanted", "suggested"),
    [
        ("carol", "carol"),
        ("alice", "alice-2"),
        ("Élodie  Dupont!", "elodie-dupont"),
        ("x", "user-x"),
        ("../../etc", "etc"),
        ("admin", "admin-2"),
        ("名前", "user-2"),
        ("a" * 300, "a" * 40),
    ],
)
def test_a_suggested_name_is_valid_and_free(alice: User, wanted: str, suggested: str) -> None:
    assert suggest_name(wanted) == suggested


def test_what_is_encrypted_for_one_purpose_cannot_be_read_for_another(
    settings: Settings,
) -> None:
    sealed = cipher(purpose="one").encrypt(b"secret")

    assert cipher(purpose="one").decrypt(sealed) == b"secret"
    with pytest.raises(InvalidToken):
        cipher(purpose="two").decrypt(sealed)
    settings.SECRET_KEY = "another-key-0123456789-0123456789-0123456789-0123"
    with pytest.raises(InvalidToken):
        cipher(purpose="one").decrypt(sealed)


def test_a_person_without_a_password_cannot_log_in_with_any(db: None, now: datetime) -> None:
    create_user(username="carol", password=None, now=now)

    for guess in ("", "!", PASSWORD):
        with pytest.raises(Unauthorized):
            authenticate(username="carol", password=guess, address=guess, now=now)

"""Deleting an account, names for new people, and what is encrypted."""

from datetime import datetime

import pytest
from cryptography.fernet import InvalidToken
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.credentials.keys import cipher
from accounts.credentials.services import authenticate, issue_robot_token
from accounts.errors import LastOwner, LastSuperuser, NameTaken
from accounts.organizations.models import Organization, TeamMember
from accounts.organizations.services import add_member, create_organization, delete_account
from accounts.users.models import Namespace, Robot, User
from accounts.users.services import create_robot, create_user, suggest_name
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
    assert not Namespace.objects.held().filter(name="bob").exists()
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


def test_the_name_of_a_deleted_account_goes_to_no_other_user(alice: User, now: datetime) -> None:
    delete_account(user=alice, now=now)

    with pytest.raises(NameTaken):
        create_user(username="alice", password=PASSWORD, now=now)


def test_the_name_of_a_deleted_account_goes_to_no_organization(
    alice: User, bob: User, now: datetime
) -> None:
    delete_account(user=alice, now=now)

    with pytest.raises(NameTaken):
        create_organization(name="alice", owner=bob, now=now)


def test_what_was_set_for_a_deleted_account_does_not_stay(alice: User, now: datetime) -> None:
    Namespace.objects.filter(name="alice").update(tag_expiration_seconds=60)

    delete_account(user=alice, now=now)

    assert Namespace.objects.get(name="alice").tag_expiration_seconds is None


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

"""What holds when several ask at the same moment. On real connections, one per thread."""

from datetime import datetime, timedelta

import pytest

from accounts.credentials import keys, throttle
from accounts.credentials.models import AccessToken, LoginThrottle, SigningKey
from accounts.credentials.services import authenticate, issue_robot_token
from accounts.errors import LastOwner, LastSuperuser, NameTaken
from accounts.organizations.models import Organization
from accounts.organizations.services import add_member, create_organization, remove_member
from accounts.users.models import AccessEpoch, Namespace, Robot, User
from accounts.users.services import bump_access_epoch, create_user, make_superuser, unmake_superuser
from artifacts.oci.errors import OCIError, TooManyRequests, Unauthorized
from tests.accounts.conftest import PASSWORD
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_a_user_and_an_organization_one_gets_the_name(alice: User, now: datetime) -> None:
    results = at_once(
        *[lambda: create_user(username="acme", password=PASSWORD, now=now)] * 3,
        *[lambda: create_organization(name="acme", owner=alice, now=now)] * 3,
    )

    assert sum(isinstance(result, NameTaken) for result in results) == 5
    assert Namespace.objects.filter(name="acme").count() == 1
    users = User.objects.filter(username="acme").count()
    assert users + Organization.objects.count() == 1


def test_of_two_owners_who_leave_one_stays(
    acme: Organization, alice: User, bob: User, now: datetime
) -> None:
    owners = acme.teams.get()
    add_member(team=owners, member=bob, now=now)

    results = at_once(
        lambda: remove_member(team=owners, member=alice, now=now),
        lambda: remove_member(team=owners, member=bob, now=now),
    )

    assert sum(isinstance(result, LastOwner) for result in results) == 1
    assert owners.members.count() == 1


def test_of_two_superusers_who_leave_one_stays(alice: User, bob: User, now: datetime) -> None:
    make_superuser(user=alice, now=now)
    make_superuser(user=bob, now=now)

    results = at_once(
        lambda: unmake_superuser(user=alice, now=now),
        lambda: unmake_superuser(user=bob, now=now),
    )

    assert sum(isinstance(result, LastSuperuser) for result in results) == 1
    assert User.objects.filter(is_superuser=True).count() == 1


def test_a_robot_keeps_one_token_however_often_it_is_regenerated_at_once(
    robot: Robot, now: datetime
) -> None:
    secrets = at_once(*[lambda: issue_robot_token(robot=robot, now=now)] * 5)

    assert len(set(secrets)) == 5
    assert AccessToken.objects.filter(robot=robot).count() == 1
    good = [
        secret
        for secret in secrets
        if authenticate_or_error(f"{robot.name}", str(secret), now) is None
    ]
    assert len(good) == 1


def test_one_first_signing_key_is_made(now: datetime) -> None:
    results = at_once(*[lambda: keys.signing_key(now=now)] * 4)

    kids = {result.kid for result in results if isinstance(result, keys.LoadedKey)}
    assert len(kids) == 1
    assert SigningKey.objects.count() == 1


def test_rotations_at_once_make_one_new_key_or_one_after_the_other(now: datetime) -> None:
    keys.signing_key(now=now)

    at_once(*[lambda: keys.rotate(now=now)] * 3)

    assert SigningKey.objects.filter(retired_at=None).count() == 1


def test_no_bump_of_the_epoch_is_lost(now: datetime) -> None:
    bump_access_epoch()
    before = AccessEpoch.objects.get().value

    at_once(*[bump_access_epoch] * 8)

    assert AccessEpoch.objects.get().value == before + 8


def test_no_failure_is_lost(now: datetime) -> None:
    attempt = throttle.Attempt.of("alice", address="192.0.2.1")

    at_once(*[lambda: throttle.count_failure(attempt, now=now)] * 8)

    row = LoginThrottle.objects.get(pk=attempt.account_key)
    assert row.failures == 8
    assert row.blocked_until == now + timedelta(seconds=throttle.wait_seconds(8 - 5))


def test_guesses_sent_all_at_once_are_slowed_like_one_after_the_other(
    alice: User, now: datetime
) -> None:
    guesses = [lambda: authenticate_or_error("alice", "wrong", now)] * 16

    results = at_once(*guesses)

    checked = sum(isinstance(result, Unauthorized) for result in results)
    assert checked <= 6  # five, and one that hashed beside the fifth
    assert sum(isinstance(result, TooManyRequests) for result in results) == 16 - checked


def authenticate_or_error(username: str, password: str, now: datetime) -> OCIError | None:
    try:
        authenticate(username=username, password=password, address="192.0.2.1", now=now)
    except OCIError as error:
        return error
    return None

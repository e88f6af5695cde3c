"""Passwords, robots' tokens and application tokens: who they belong to, and who gets in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest import mock

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth import hashers
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.audit.models import AuditEvent
from accounts.credentials.models import AccessToken
from accounts.credentials.passwords import REMEMBERED_AT_MOST, RememberedPasswords, remembered
from accounts.credentials.principals import ANONYMOUS, Principal, Scope
from accounts.credentials.services import (
    authenticate,
    authenticate_person,
    current_principal,
    issue_application_token,
    issue_robot_token,
    revoke_token,
)
from accounts.organizations.models import Organization
from accounts.users.models import Robot, User
from accounts.users.services import (
    access_epoch,
    change_password,
    create_robot,
    delete_robot,
    disable_robot,
    disable_user,
    enable_user,
    make_superuser,
)
from artifacts.oci.errors import Denied, OCIError, TooManyRequests, Unauthorized
from tests.accounts.conftest import PASSWORD

ADDRESS = "192.0.2.1"
OTHER_PASSWORD = "quite another password"


def login(username: str, password: str, now: datetime) -> Principal:
    return authenticate(username=username, password=password, address=ADDRESS, now=now)


def refusal(username: str, password: str, now: datetime) -> OCIError:
    with pytest.raises(OCIError) as caught:
        login(username, password, now)
    return caught.value


@contextmanager
def counted_hashes() -> Iterator[list[str]]:
    """How often Argon2 ran, told by the hasher itself."""
    hasher = type(hashers.get_hasher())
    verify, calls = hasher.verify, []

    def counting(self: hashers.BasePasswordHasher, password: str, encoded: str) -> bool:
        calls.append(encoded)
        return bool(verify(self, password, encoded))

    with mock.patch.object(hasher, "verify", counting):
        yield calls


def application_token(
    user: User, now: datetime, *, scope: Scope = "write", expires_at: datetime | None = None
) -> str:
    return issue_application_token(
        user=user, title="laptop", scope=scope, expires_at=expires_at, now=now
    )


# People


def test_the_right_password_is_the_person(alice: User, now: datetime) -> None:
    principal = login("alice", PASSWORD, now)

    assert principal == Principal("user", id=alice.pk, name="alice", stamp=principal.stamp)
    assert principal.stamp
    assert principal.key == f"user:{alice.pk}"


def test_an_unknown_name_and_a_wrong_password_say_the_same(alice: User, now: datetime) -> None:
    wrong, unknown = refusal("alice", "wrong", now), refusal("nobody", "wrong", now)

    assert isinstance(wrong, Unauthorized)
    assert isinstance(unknown, Unauthorized)
    assert wrong.reason == unknown.reason == "wrong user name or password"
    assert wrong.detail == unknown.detail


@pytest.mark.parametrize("case", ["wrong password", "unknown", "disabled", "no password"])
def test_a_refusal_costs_one_hash_whatever_the_reason(
    case: str, alice: User, bob: User, now: datetime
) -> None:
    disable_user(user=bob, now=now)
    refusal("alice", "warm up", now)  # makes the hash that unknown names are compared with
    if case == "no password":
        alice.set_unusable_password()
        alice.save()
    name = {"unknown": "nobody", "disabled": "bob"}.get(case, "alice")

    with counted_hashes() as hashes:
        refusal(name, "wrong", now)

    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("", ""),
        ("alice", ""),
        ("ALICE", PASSWORD),
        ("alice ", PASSWORD),
        ("ali\0ce", PASSWORD),
        ("alice", PASSWORD + "\0"),
        ("alice", "\ud800"),
        ("\ud800", PASSWORD),
        ("a" * 100_000, PASSWORD),
        ("alice", "x" * 1_000_000),
        ("+", "x"),
        ("acme+", "x"),
        ("+ci", "x"),
        ("acme+ci+ci", "x"),
        ("ac\0me+ci", "x"),
        ("$app", ""),
        ("$app", "\ud800\0"),
        ("$token", "x"),
    ],
)
def test_odd_credentials_are_wrong_not_a_crash(
    username: str, password: str, alice: User, robot: Robot, now: datetime
) -> None:
    assert isinstance(refusal(username, password, now), Unauthorized)


def test_a_disabled_person_is_told_so_only_with_the_right_password(
    alice: User, now: datetime
) -> None:
    disable_user(user=alice, now=now)

    right, wrong = refusal("alice", PASSWORD, now), refusal("alice", "wrong", now)

    assert isinstance(right, Denied)
    assert "disabled" in right.reason
    assert isinstance(wrong, Unauthorized)
    assert wrong.reason == "wrong user name or password"


# The memory of passwords


def test_a_password_is_hashed_once_a_minute(alice: User, now: datetime) -> None:
    with counted_hashes() as hashes:
        for seconds in (0, 1, 30, 59):
            login("alice", PASSWORD, now + timedelta(seconds=seconds))
        assert len(hashes) == 1

        login("alice", PASSWORD, now + timedelta(seconds=60))
        assert len(hashes) == 2


def test_a_remembered_password_costs_two_queries(
    alice: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    login("alice", PASSWORD, now)

    with django_assert_num_queries(2):
        login("alice", PASSWORD, now)


def test_a_remembered_password_does_not_survive_its_change(alice: User, now: datetime) -> None:
    login("alice", PASSWORD, now)

    change_password(user=alice, password=OTHER_PASSWORD, now=now)

    assert isinstance(refusal("alice", PASSWORD, now), Unauthorized)
    assert login("alice", OTHER_PASSWORD, now).id == alice.pk


def test_a_remembered_password_does_not_survive_disabling(alice: User, now: datetime) -> None:
    login("alice", PASSWORD, now)

    disable_user(user=alice, now=now)

    assert isinstance(refusal("alice", PASSWORD, now), Denied)

    enable_user(user=alice, now=now)

    assert login("alice", PASSWORD, now).id == alice.pk


def test_a_password_is_remembered_for_its_user_only(alice: User, bob: User, now: datetime) -> None:
    login("alice", PASSWORD, now)
    change_password(user=bob, password=OTHER_PASSWORD, now=now)

    assert isinstance(refusal("bob", PASSWORD, now), Unauthorized)


def test_a_wrong_password_is_not_remembered(alice: User, now: datetime) -> None:
    refusal("alice", "wrong", now)

    assert not remembered.holds(alice, "wrong", now=now)


def test_the_memory_is_bounded_and_holds_no_password(alice: User, now: datetime) -> None:
    memory = RememberedPasswords()

    for number in range(REMEMBERED_AT_MOST + 10):
        memory.add(alice, f"password {number}", now=now)

    assert not memory.holds(alice, "password 0", now=now)
    assert memory.holds(alice, f"password {REMEMBERED_AT_MOST + 9}", now=now)
    assert "password" not in repr(vars(memory))


# Robots


def test_a_robot_logs_in_with_its_token(robot: Robot, now: datetime) -> None:
    secret = issue_robot_token(robot=robot, now=now)

    principal = login("acme+ci", secret, now)

    token = AccessToken.objects.get()
    assert principal == Principal("robot", id=robot.pk, name="acme+ci", token_id=token.pk)
    assert principal.key == f"robot:{robot.pk}"


def test_the_secret_of_a_token_is_stored_nowhere(robot: Robot, now: datetime) -> None:
    secret = issue_robot_token(robot=robot, now=now)

    stored = AccessToken.objects.values().get()

    assert secret not in repr(stored)
    assert len(secret) > 43


def test_a_new_token_makes_the_old_one_worthless(robot: Robot, now: datetime) -> None:
    old = issue_robot_token(robot=robot, now=now)
    principal = login("acme+ci", old, now)
    epoch = access_epoch()

    new = issue_robot_token(robot=robot, now=now)

    assert isinstance(refusal("acme+ci", old, now), Unauthorized)
    assert login("acme+ci", new, now).id == robot.pk
    assert reloaded(principal, now) is None
    assert access_epoch() > epoch


def test_a_token_is_good_for_its_robot_only(
    acme: Organization, robot: Robot, now: datetime
) -> None:
    other = create_robot(owner=acme.namespace, short_name="cd", now=now)
    secret = issue_robot_token(robot=robot, now=now)
    issue_robot_token(robot=other, now=now)

    wrong, unknown = refusal("acme+cd", secret, now), refusal("acme+nobody", secret, now)

    assert isinstance(wrong, Unauthorized)
    assert wrong.reason == unknown.reason
    assert isinstance(refusal("$app", secret, now), Unauthorized)
    assert isinstance(refusal("acme", secret, now), Unauthorized)


def test_a_disabled_robot_stays_out(robot: Robot, now: datetime) -> None:
    secret = issue_robot_token(robot=robot, now=now)
    disable_robot(robot=robot, now=now)

    assert isinstance(refusal("acme+ci", secret, now), Denied)
    assert isinstance(refusal("acme+ci", "wrong", now), Unauthorized)


def test_a_robot_of_a_disabled_person_stays_out(alice: User, now: datetime) -> None:
    robot = create_robot(owner=alice.namespace, short_name="ci", now=now)
    secret = issue_robot_token(robot=robot, now=now)
    principal = login("alice+ci", secret, now)

    disable_user(user=alice, now=now)

    assert isinstance(refusal("alice+ci", secret, now), Denied)
    assert reloaded(principal, now) is None


def test_an_expired_token_says_so_only_when_it_was_right(robot: Robot, now: datetime) -> None:
    ends = now + timedelta(days=1)
    secret = issue_robot_token(robot=robot, now=now, expires_at=ends)

    assert login("acme+ci", secret, ends - timedelta(seconds=1)).id == robot.pk
    assert "expired" in refusal("acme+ci", secret, ends).reason
    assert "expired" not in refusal("acme+ci", "wrong", ends).reason


# Application tokens


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_an_application_token_is_its_user_below_a_ceiling(
    scope: Scope, alice: User, now: datetime
) -> None:
    principal = login("$app", application_token(alice, now, scope=scope), now)

    token = AccessToken.objects.get()
    assert principal == Principal("user", id=alice.pk, name="alice", token_id=token.pk, scope=scope)


@pytest.mark.parametrize(("scope", "is_superuser"), [("write", False), ("admin", True)])
def test_below_a_ceiling_nobody_is_a_superuser(
    scope: Scope, is_superuser: bool, alice: User, now: datetime
) -> None:
    make_superuser(user=alice, now=now)

    principal = login("$app", application_token(alice, now, scope=scope), now)

    assert principal.is_superuser is is_superuser
    assert reloaded(principal, now) == principal
    assert login("alice", PASSWORD, now).is_superuser


def test_a_revoked_token_is_worthless(alice: User, now: datetime) -> None:
    secret = application_token(alice, now)
    principal = login("$app", secret, now)
    epoch = access_epoch()

    revoke_token(token=AccessToken.objects.get(), now=now)

    assert isinstance(refusal("$app", secret, now), Unauthorized)
    assert reloaded(principal, now) is None
    assert access_epoch() > epoch


def test_an_application_token_logs_its_user_in_by_name_too(alice: User, now: datetime) -> None:
    secret = application_token(alice, now, scope="read")

    assert login("alice", secret, now) == login("$app", secret, now)


def test_an_application_token_is_no_password(alice: User, bob: User, now: datetime) -> None:
    secret = application_token(alice, now)

    assert str(refusal("bob", secret, now)) == "wrong user name or password"
    with pytest.raises(Unauthorized):
        authenticate_person(username="alice", password=secret, address=ADDRESS, now=now)


def test_a_right_token_beside_its_name_is_not_slowed_down(alice: User, now: datetime) -> None:
    secret = application_token(alice, now)
    for _ in range(8):
        refusal("alice", "berth_wrong", now)

    assert isinstance(refusal("alice", PASSWORD, now), TooManyRequests)
    assert login("alice", secret, now).name == "alice"


def test_a_password_may_begin_like_a_token(alice: User, now: datetime) -> None:
    change_password(user=alice, password="berth_quite another password", now=now)

    assert login("alice", "berth_quite another password", now).token_id is None


@pytest.mark.parametrize("name", ["alice", "$app"])
def test_an_expired_token_says_so_under_both_names(alice: User, now: datetime, name: str) -> None:
    secret = application_token(alice, now, expires_at=now + timedelta(hours=1))

    assert "has expired" in str(refusal(name, secret, now + timedelta(hours=2)))


def test_an_application_token_of_a_disabled_person_stays_out(alice: User, now: datetime) -> None:
    secret = application_token(alice, now)
    disable_user(user=alice, now=now)

    assert isinstance(refusal("$app", secret, now), Denied)


def test_the_use_of_a_token_is_written_once_a_minute(
    alice: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    secret = application_token(alice, now)
    login("$app", secret, now)

    with django_assert_num_queries(1):
        login("$app", secret, now + timedelta(seconds=59))
    assert AccessToken.objects.get().last_used_at == now

    login("$app", secret, now + timedelta(seconds=60))
    assert AccessToken.objects.get().last_used_at == now + timedelta(seconds=60)


def test_a_login_of_a_robot_costs_one_query(
    robot: Robot, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    secret = issue_robot_token(robot=robot, now=now)
    login("acme+ci", secret, now)

    with django_assert_num_queries(1):
        login("acme+ci", secret, now)


# Asked again later


def reloaded(principal: Principal, now: datetime) -> Principal | None:
    return current_principal(
        kind=principal.kind,
        id=principal.id,
        token_id=principal.token_id,
        stamp=principal.stamp,
        now=now,
    )


def test_everybody_is_still_themselves(alice: User, robot: Robot, now: datetime) -> None:
    callers = [
        ANONYMOUS,
        login("alice", PASSWORD, now),
        login("$app", application_token(alice, now, scope="read"), now),
        login("acme+ci", issue_robot_token(robot=robot, now=now), now),
    ]

    for principal in callers:
        assert reloaded(principal, now) == principal


def test_asking_again_is_one_query(
    alice: User, robot: Robot, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    callers = [
        login("alice", PASSWORD, now),
        login("$app", application_token(alice, now), now),
        login("acme+ci", issue_robot_token(robot=robot, now=now), now),
    ]

    for principal in callers:
        with django_assert_num_queries(1):
            reloaded(principal, now)


def test_a_disabled_person_is_nobody(alice: User, now: datetime) -> None:
    principals = [
        login("alice", PASSWORD, now),
        login("$app", application_token(alice, now), now),
    ]

    disable_user(user=alice, now=now)

    assert [reloaded(principal, now) for principal in principals] == [None, None]


def test_who_came_with_an_old_password_is_nobody(alice: User, now: datetime) -> None:
    principal = login("alice", PASSWORD, now)

    change_password(user=alice, password=OTHER_PASSWORD, now=now)

    assert reloaded(principal, now) is None
    assert reloaded(login("alice", OTHER_PASSWORD, now), now) is not None


def test_a_deleted_robot_is_nobody(robot: Robot, now: datetime) -> None:
    principal = login("acme+ci", issue_robot_token(robot=robot, now=now), now)

    delete_robot(robot=robot, now=now)

    assert reloaded(principal, now) is None


def test_an_expired_token_is_nobody(alice: User, now: datetime) -> None:
    ends = now + timedelta(hours=1)
    principal = login("$app", application_token(alice, now, expires_at=ends), now)

    assert reloaded(principal, ends - timedelta(seconds=1)) == principal
    assert reloaded(principal, ends) is None


def test_a_token_of_somebody_else_is_nobody(alice: User, bob: User, now: datetime) -> None:
    principal = login("$app", application_token(alice, now), now)

    assert current_principal(kind="user", id=bob.pk, token_id=principal.token_id, now=now) is None
    assert (
        current_principal(kind="robot", id=alice.pk, token_id=principal.token_id, now=now) is None
    )


def test_a_lost_superuser_is_one_no_more(alice: User, now: datetime) -> None:
    make_superuser(user=alice, now=now)
    principal = login("alice", PASSWORD, now)
    User.objects.filter(pk=alice.pk).update(is_superuser=False)

    again = reloaded(principal, now)

    assert principal.is_superuser
    assert again is not None
    assert not again.is_superuser


# What else a door asks for


def test_an_account_whose_address_nobody_verified_is_refused(
    settings: Settings, alice: User, now: datetime
) -> None:
    settings.FEATURE_MAILING = True
    User.objects.filter(pk=alice.pk).update(email="alice@example.com")

    with pytest.raises(Denied, match="not verified"):
        login("alice", PASSWORD, now)


def test_an_account_with_a_verified_address_logs_in(
    settings: Settings, alice: User, now: datetime
) -> None:
    settings.FEATURE_MAILING = True
    User.objects.filter(pk=alice.pk).update(email="alice@example.com")
    EmailAddress.objects.create(user=alice, email="alice@example.com", verified=True)

    assert login("alice", PASSWORD, now).name == "alice"


def test_an_account_without_an_address_has_none_to_verify(
    settings: Settings, alice: User, now: datetime
) -> None:
    settings.FEATURE_MAILING = True

    assert login("alice", PASSWORD, now).name == "alice"


def test_what_a_password_bought_ends_with_a_second_factor(alice: User, now: datetime) -> None:
    principal = login("alice", PASSWORD, now)

    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={})

    assert reloaded(principal, now) is None


def test_what_an_application_token_bought_outlives_a_new_second_factor(
    alice: User, now: datetime
) -> None:
    principal = login("$app", application_token(alice, now), now)

    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={})

    assert reloaded(principal, now) is not None


# The trace of those who fail


def test_a_failed_login_is_in_the_audit_log(alice: User, now: datetime) -> None:
    with pytest.raises(Unauthorized):
        authenticate(username="alice", password="wrong", address="192.0.2.1", now=now)

    event = AuditEvent.objects.get(action="user.sign-in.fail")
    assert (event.target, event.address) == ("alice", "192.0.2.1")


def test_failed_logins_of_one_account_leave_one_trace_a_minute(alice: User, now: datetime) -> None:
    for second in (0, 1, 59, 61):
        with pytest.raises(Unauthorized):
            login("alice", "wrong", now + timedelta(seconds=second))

    assert AuditEvent.objects.filter(action="user.sign-in.fail").count() == 2


def test_what_was_typed_as_an_unknown_name_is_not_written_down(
    db: None, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Unauthorized):
        login("my-secret-password", "wrong", now)

    assert "my-secret-password" not in caplog.text
    assert AuditEvent.objects.get(action="user.sign-in.fail").target == ""


def test_a_wrong_robot_token_is_in_the_audit_log(robot: Robot, now: datetime) -> None:
    with pytest.raises(Unauthorized):
        login("acme+ci", "wrong", now)

    assert AuditEvent.objects.get(action="user.sign-in.fail").target == "acme+ci"

"""Failed logins are slowed for one account at one address, and nobody else."""

from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.credentials import throttle
from accounts.credentials.models import LoginThrottle
from accounts.credentials.services import (
    authenticate,
    delete_expired,
    issue_application_token,
    issue_robot_token,
)
from accounts.users.models import Robot, User
from artifacts.oci.errors import OCIError, TooManyRequests, Unauthorized
from tests.accounts.conftest import PASSWORD

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.9"
SECOND = timedelta(seconds=1)


def attempt(username: str, password: str, now: datetime, *, address: str = HERE) -> OCIError | None:
    try:
        authenticate(username=username, password=password, address=address, now=now)
    except OCIError as error:
        return error
    return None


def fail(username: str, now: datetime, *, times: int, address: str = HERE) -> None:
    for _ in range(times):
        assert isinstance(attempt(username, "wrong", now, address=address), Unauthorized)


def retry_after(error: OCIError | None) -> int:
    assert isinstance(error, TooManyRequests)
    assert error.headers() == {"Retry-After": str(error.retry_after_seconds)}
    return error.retry_after_seconds


def test_the_sixth_failure_in_a_row_is_refused(alice: User, now: datetime) -> None:
    fail("alice", now, times=5)

    assert retry_after(attempt("alice", "wrong", now)) == 1


def test_the_wait_doubles_up_to_a_minute(alice: User, now: datetime) -> None:
    fail("alice", now, times=4)
    waits = []

    for _ in range(9):
        fail("alice", now, times=1)
        waits.append(retry_after(attempt("alice", "wrong", now)))
        now += timedelta(seconds=waits[-1])

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_right_password_is_refused_too_while_it_is_early(alice: User, now: datetime) -> None:
    fail("alice", now, times=5)

    assert retry_after(attempt("alice", PASSWORD, now)) == 1
    assert attempt("alice", PASSWORD, now + SECOND) is None


def test_a_remembered_password_is_refused_too_while_it_is_early(alice: User, now: datetime) -> None:
    assert attempt("alice", PASSWORD, now) is None
    fail("alice", now, times=5)

    assert retry_after(attempt("alice", PASSWORD, now)) == 1


def test_a_refused_try_is_not_counted(alice: User, now: datetime) -> None:
    fail("alice", now, times=5)
    for _ in range(20):
        attempt("alice", "wrong", now)

    assert attempt("alice", PASSWORD, now + SECOND) is None


def test_nobody_elsewhere_notices(alice: User, bob: User, now: datetime) -> None:
    fail("alice", now, times=5)

    assert attempt("alice", PASSWORD, now, address=ELSEWHERE) is None
    assert attempt("bob", PASSWORD, now) is None


def test_success_starts_the_count_anew(alice: User, now: datetime) -> None:
    fail("alice", now, times=4)
    assert attempt("alice", PASSWORD, now) is None

    fail("alice", now, times=4)

    assert attempt("alice", PASSWORD, now) is None


def test_an_unknown_name_is_slowed_like_a_known_one(now: datetime, db: None) -> None:
    fail("nobody", now, times=5)

    assert retry_after(attempt("nobody", "wrong", now)) == 1


def test_wrong_tokens_of_a_robot_are_slowed(robot: Robot, now: datetime) -> None:
    issue_robot_token(robot=robot, now=now)
    fail("acme+ci", now, times=5)

    assert retry_after(attempt("acme+ci", "wrong", now)) == 1


def test_the_right_token_of_a_robot_is_never_slowed(robot: Robot, now: datetime) -> None:
    secret = issue_robot_token(robot=robot, now=now)
    fail("acme+ci", now, times=5)

    assert attempt("acme+ci", secret, now) is None


def test_a_right_token_is_not_slowed_at_an_address_that_guesses(
    robot: Robot, now: datetime
) -> None:
    secret = issue_robot_token(robot=robot, now=now)
    for number in range(throttle.FREE_ACCOUNTS):
        fail(f"name{number}", now, times=1)

    assert attempt("acme+ci", secret, now) is None


def test_who_has_logged_in_before_goes_on_at_an_address_that_guesses(
    alice: User, now: datetime
) -> None:
    assert attempt("alice", PASSWORD, now) is None
    now += timedelta(days=29)
    for number in range(throttle.FREE_ACCOUNTS):
        fail(f"name{number}", now, times=1)

    assert attempt("alice", PASSWORD, now) is None


def test_who_logged_in_long_ago_is_slowed_with_the_address(alice: User, now: datetime) -> None:
    assert attempt("alice", PASSWORD, now) is None
    now += throttle.KNOWN_FOR + SECOND
    for number in range(throttle.FREE_ACCOUNTS):
        fail(f"name{number}", now, times=1)

    assert retry_after(attempt("alice", PASSWORD, now)) == 1


def test_guesses_at_an_account_that_is_known_there_are_slowed(alice: User, now: datetime) -> None:
    assert attempt("alice", PASSWORD, now) is None

    fail("alice", now, times=5)

    assert retry_after(attempt("alice", "wrong", now)) == 1


def test_most_logins_write_nothing(
    alice: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert attempt("alice", PASSWORD, now) is None

    with django_assert_num_queries(2):  # how the account stands here, and who it is
        assert attempt("alice", PASSWORD, now + SECOND) is None


def test_an_account_that_is_known_somewhere_is_kept_in_mind(alice: User, now: datetime) -> None:
    assert attempt("alice", PASSWORD, now) is None

    delete_expired(now=now + throttle.KNOWN_FOR - SECOND, limit=10)
    assert LoginThrottle.objects.count() == 1
    delete_expired(now=now + throttle.KNOWN_FOR, limit=10)
    assert LoginThrottle.objects.count() == 0


def test_a_stale_application_token_slows_itself_not_the_others(alice: User, now: datetime) -> None:
    secret = issue_application_token(
        user=alice, title="laptop", scope="read", expires_at=None, now=now
    )
    fail("$app", now, times=5)

    assert retry_after(attempt("$app", "wrong", now)) == 1
    assert attempt("$app", secret, now) is None


def test_an_address_that_fails_over_many_accounts_is_slowed(alice: User, now: datetime) -> None:
    for number in range(throttle.FREE_ACCOUNTS):
        fail(f"name{number}", now, times=1)

    assert retry_after(attempt("alice", PASSWORD, now)) == 1
    assert attempt("alice", PASSWORD, now, address=ELSEWHERE) is None
    assert attempt("alice", PASSWORD, now + SECOND) is None


def test_a_login_of_one_s_own_does_not_free_an_address_that_guesses(
    alice: User, now: datetime
) -> None:
    for number in range(throttle.FREE_ACCOUNTS - 1):
        fail(f"name{number}", now, times=1)
    assert attempt("alice", PASSWORD, now) is None

    fail("victim", now, times=1)

    assert retry_after(attempt("another", "wrong", now)) == 1


def test_people_who_mistype_and_then_get_in_do_not_slow_their_office(
    alice: User, now: datetime
) -> None:
    for _ in range(throttle.FREE_ACCOUNTS + 5):
        fail("alice", now, times=1)
        assert attempt("alice", PASSWORD, now) is None

    assert attempt("alice", PASSWORD, now) is None


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "192.0.2.2", False),
    ],
)
def test_an_address_is_what_one_person_controls(first: str, second: str, same: bool) -> None:
    keys = {throttle.Attempt.of("alice", address=address) for address in (first, second)}

    assert (len(keys) == 1) is same


def test_failures_are_forgotten_after_a_while(alice: User, now: datetime) -> None:
    fail("alice", now, times=5)
    now += throttle.FORGET_AFTER + SECOND

    fail("alice", now, times=4)

    assert attempt("alice", PASSWORD, now) is None


def test_old_rows_are_purged_and_new_ones_stay(alice: User, now: datetime) -> None:
    fail("alice", now, times=1)
    later = now + throttle.FORGET_AFTER + SECOND
    fail("bob", later, times=1, address=ELSEWHERE)

    assert delete_expired(now=later, limit=1) == 1
    assert delete_expired(now=later, limit=10) == 1
    assert LoginThrottle.objects.count() == 2


def test_no_name_and_no_address_is_stored(alice: User, now: datetime) -> None:
    fail("alice", now, times=1)

    stored = repr(list(LoginThrottle.objects.values()))

    assert "alice" not in stored
    assert HERE not in stored


def test_a_refusal_costs_one_query_and_no_hash(
    alice: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fail("alice", now, times=5)

    with django_assert_num_queries(1):
        retry_after(attempt("alice", PASSWORD, now))

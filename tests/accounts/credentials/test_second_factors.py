"""A code of a second factor is good once, whichever process is asked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from accounts.credentials.models import UsedCode
from accounts.credentials.second_factors import KEEP_CODES, use_code
from accounts.credentials.services import delete_expired
from accounts.users.models import User


@pytest.fixture
def authenticator(alice: User) -> Authenticator:
    return Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={})


def test_a_code_is_taken_once(authenticator: Authenticator, now: datetime) -> None:
    assert use_code(authenticator=authenticator, code="123456", now=now)

    assert not use_code(authenticator=authenticator, code="123456", now=now)


def test_a_code_is_the_same_however_it_is_spaced(
    authenticator: Authenticator, now: datetime
) -> None:
    use_code(authenticator=authenticator, code="123456", now=now)

    assert not use_code(authenticator=authenticator, code=" 123 456", now=now)


def test_a_code_may_come_again_when_nobody_could_have_kept_it(
    authenticator: Authenticator, now: datetime
) -> None:
    use_code(authenticator=authenticator, code="123456", now=now)

    assert use_code(authenticator=authenticator, code="123456", now=now + KEEP_CODES)


def test_the_same_digits_of_somebody_else_are_another_code(
    authenticator: Authenticator, bob: User, now: datetime
) -> None:
    use_code(authenticator=authenticator, code="123456", now=now)
    other = Authenticator.objects.create(user=bob, type=Authenticator.Type.TOTP, data={})

    assert use_code(authenticator=other, code="123456", now=now)


def test_old_codes_are_purged(authenticator: Authenticator, now: datetime) -> None:
    use_code(authenticator=authenticator, code="123456", now=now)

    delete_expired(now=now + timedelta(hours=1), limit=10)

    assert not UsedCode.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_code_at_once_one_gets_in(
    authenticator: Authenticator, now: datetime
) -> None:
    def use(_: int) -> bool:
        try:
            return use_code(authenticator=authenticator, code="123456", now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(use, range(8)))

    assert taken.count(True) == 1

"""The periodic job of the credentials."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.credentials.models import AccessToken, LoginThrottle
from accounts.credentials.services import KEEP_EXPIRED_TOKENS, issue_application_token
from accounts.credentials.tasks import delete_expired
from accounts.users.models import User


@pytest.fixture
def laptop(alice: User) -> AccessToken:
    now = timezone.now()
    issue_application_token(user=alice, title="laptop", scope="read", expires_at=now, now=now)
    return AccessToken.objects.get()


def test_it_deletes_what_has_long_expired(laptop: AccessToken) -> None:
    long_ago = timezone.now() - KEEP_EXPIRED_TOKENS - timedelta(days=1)
    AccessToken.objects.update(expires_at=long_ago)
    LoginThrottle.objects.create(key="0" * 64, failures=1, updated_at=long_ago)

    delete_expired()
    delete_expired(a_newer_argument=1)

    assert not AccessToken.objects.exists()
    assert not LoginThrottle.objects.exists()


def test_a_token_that_expired_just_now_stays_so_that_its_client_is_told(
    laptop: AccessToken,
) -> None:
    delete_expired()

    assert AccessToken.objects.get() == laptop


def test_a_token_without_an_end_stays(laptop: AccessToken) -> None:
    AccessToken.objects.update(expires_at=None)

    delete_expired()

    assert AccessToken.objects.exists()

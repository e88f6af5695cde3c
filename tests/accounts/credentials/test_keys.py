"""The signing keys: made once, encrypted, rotated so that no token is ever unverifiable."""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from types import SimpleNamespace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.audit.models import AuditEvent
from accounts.credentials import keys
from accounts.credentials.models import SigningKey
from accounts.credentials.services import delete_expired

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
A_WHILE = timedelta(seconds=30)


def signed(now: datetime) -> SimpleNamespace:
    key = keys.signing_key(now=now)
    token = jwt.encode({"sub": "alice"}, key.private_key, "RS256", headers={"kid": key.kid})
    return SimpleNamespace(kid=key.kid, token=token)


def verifies(message: SimpleNamespace, now: datetime) -> bool:
    key = keys.public_key(message.kid, now=now)
    return key is not None and jwt.decode(message.token, key, ["RS256"]) == {"sub": "alice"}


def test_the_first_key_is_made_when_it_is_needed_and_then_kept(now: datetime) -> None:
    first, second = keys.signing_key(now=now), keys.signing_key(now=now + A_WHILE)

    assert first.kid == second.kid
    assert SigningKey.objects.count() == 1
    assert first.private_key.key_size >= 2048
    assert AuditEvent.objects.filter(action="signing-key.create").count() == 1


def test_what_it_signs_verifies(now: datetime) -> None:
    message = signed(now)

    assert verifies(message, now)


def test_the_kid_is_the_thumbprint_of_the_key(now: datetime) -> None:
    kid = keys.signing_key(now=now).kid

    (jwk,) = keys.jwks(now=now)["keys"]
    canonical = json.dumps(
        {name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True
    )
    thumbprint = hashlib.sha256(canonical.encode()).digest()
    assert kid == jwk["kid"] == base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")


def test_the_key_set_is_public_and_can_be_used_by_anybody(now: datetime) -> None:
    message = signed(now)

    (jwk,) = keys.jwks(now=now)["keys"]

    assert set(jwk) == {"kty", "n", "e", "kid", "use", "alg"}
    assert jwt.decode(message.token, jwt.PyJWK(jwk).key, ["RS256"]) == {"sub": "alice"}


def test_the_private_key_is_encrypted_at_rest(now: datetime) -> None:
    keys.signing_key(now=now)

    stored = SigningKey.objects.values().get()

    assert "PRIVATE KEY" not in repr(stored)
    assert "d" not in json.loads(stored["public_jwk"])


def test_another_secret_key_cannot_read_it_and_is_told_what_to_do(
    now: datetime, settings: Settings
) -> None:
    keys.signing_key(now=now)
    keys._decrypt.cache_clear()
    settings.SECRET_KEY = "another-secret-key-of-more-than-thirty-two-bytes"

    with pytest.raises(keys.SigningKeyUnreadable, match="rotate_signing_key"):
        keys.signing_key(now=now)

    kid = keys.rotate(now=now)
    assert keys.signing_key(now=now).kid == kid


def test_an_earlier_secret_key_still_reads_it(now: datetime, settings: Settings) -> None:
    kid = keys.signing_key(now=now).kid
    keys._decrypt.cache_clear()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-of-more-than-thirty-two-bytes"

    assert keys.signing_key(now=now).kid == kid


def test_a_new_key_is_published_before_it_signs(now: datetime) -> None:
    old = keys.signing_key(now=now).kid

    new = keys.rotate(now=now)

    assert set(keys.public_keys(now=now)) == {old, new}
    takes_over = now + keys.PUBLISH_BEFORE_SIGNING
    assert keys.signing_key(now=takes_over - SECOND).kid == old
    keys.forget_cached_keys()
    assert keys.signing_key(now=takes_over).kid == new


def test_an_old_key_verifies_until_its_last_token_has_ended(
    now: datetime, settings: Settings
) -> None:
    keys.signing_key(now=now)
    keys.rotate(now=now)
    takes_over = now + keys.PUBLISH_BEFORE_SIGNING
    last = signed(takes_over - SECOND)
    ends = takes_over + timedelta(seconds=settings.BERTH.TOKEN_LIFETIME_SECONDS)

    assert verifies(last, ends)
    assert not verifies(last, ends + keys.CLOCK_LEEWAY + SECOND)


def test_a_key_goes_only_after_it_verifies_no_more(now: datetime, settings: Settings) -> None:
    old = keys.signing_key(now=now).kid
    new = keys.rotate(now=now)
    retired = now + keys.PUBLISH_BEFORE_SIGNING
    lifetime = timedelta(seconds=settings.BERTH.TOKEN_LIFETIME_SECONDS) + keys.CLOCK_LEEWAY

    delete_expired(now=retired + lifetime, limit=10)
    assert SigningKey.objects.filter(kid=old).exists()

    delete_expired(now=retired + 3 * lifetime, limit=10)
    assert [key.kid for key in SigningKey.objects.all()] == [new]


def test_rotating_twice_leaves_one_newest_key(now: datetime) -> None:
    keys.signing_key(now=now)
    keys.rotate(now=now)

    newest = keys.rotate(now=now + SECOND)

    assert SigningKey.objects.get(retired_at=None).kid == newest
    at = now
    for _ in range(30):  # there is a key to sign with at any time
        keys.forget_cached_keys()
        keys.signing_key(now=at)
        at += timedelta(minutes=1)
    assert SigningKey.objects.count() == 3


def test_keys_are_read_once_in_a_few_seconds(
    now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    kid = keys.signing_key(now=now).kid

    with django_assert_num_queries(0):
        keys.signing_key(now=now + SECOND)
        keys.public_keys(now=now + SECOND)
        keys.public_key(kid, now=now + SECOND)
        keys.jwks(now=now + SECOND)
    with django_assert_num_queries(1):
        keys.signing_key(now=now + keys.REMEMBER_FOR)


def test_an_unknown_kid_is_looked_for_but_not_for_each_request(
    now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    keys.signing_key(now=now)
    later = now + timedelta(seconds=2)

    with django_assert_num_queries(1):
        for _ in range(100):
            assert keys.public_key("unknown", now=later) is None


def test_a_key_made_by_another_process_is_found(now: datetime) -> None:
    old = keys.signing_key(now=now).kid
    snapshot = keys._snapshot
    new = keys.rotate(now=now)
    keys._snapshot = snapshot  # as in a process that has not heard of the rotation
    assert set(keys.public_keys(now=now)) == {old}

    found = keys.public_key(new, now=now + 2 * SECOND)

    assert isinstance(found, RSAPublicKey)

"""The keys that sign bearer tokens: made once, encrypted at rest, rotated without an outage.

What encrypts them is the cipher for all that is kept secret in the database.

A new key is published for a while before it signs, and an old one verifies until the last
token it signed has ended, so that no server ever meets a token it cannot check.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.encoding import force_bytes
from jwt.algorithms import RSAAlgorithm

from accounts.audit.services import SYSTEM, Actor
from accounts.credentials.models import SigningKey
from accounts.statements import Prepared, moment

KEY_SIZE_BITS: Final = 2048
PUBLISH_BEFORE_SIGNING: Final = timedelta(minutes=10)
CLOCK_LEEWAY: Final = timedelta(minutes=1)
REMEMBER_FOR: Final = timedelta(seconds=5)
LOOK_FOR_UNKNOWN_EVERY: Final = timedelta(seconds=1)
_PURPOSE: Final = "berth signing keys"


class SigningKeyUnreadable(Exception):
    """The stored key was encrypted under another SECRET_KEY."""

    def __init__(self, kid: str) -> None:
        super().__init__(
            f"the signing key {kid} cannot be decrypted: SECRET_KEY has changed. Put the old one"
            " back, or run 'manage.py rotate_signing_key' to make a new signing key"
        )


@dataclass(frozen=True, slots=True)
class LoadedKey:
    kid: str
    private_key: RSAPrivateKey


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The rows as they were a moment ago."""

    at: datetime
    rows: tuple[SigningKey, ...]

    def is_fresh(self, now: datetime, lifetime: timedelta) -> bool:
        return self.at <= now < self.at + lifetime


_snapshot: _Snapshot | None = None
_reload = threading.Lock()


def signing_key(*, now: datetime) -> LoadedKey:
    """The key to sign with at ``now``. The first call ever makes it.

    Raises:
        SigningKeyUnreadable: the server's SECRET_KEY is not the one it was made under.
    """
    row = _signing(_rows(now=now), now) or _signing(_load(now=now), now)
    if row is None:
        _add_first(now=now)
        row = _signing(_load(now=now), now)
    if row is None:
        raise RuntimeError("no signing key is active: is the clock behind the database's?")
    return LoadedKey(kid=row.kid, private_key=_decrypt(row.kid, row.private_key))


def public_keys(*, now: datetime) -> Mapping[str, RSAPublicKey]:
    """Keys by ``kid`` whose tokens are good at ``now``, or will be soon."""
    return {row.kid: _public_key(row.public_jwk) for row in _verifying(_rows(now=now), now)}


def public_key(kid: str, *, now: datetime) -> RSAPublicKey | None:
    """One key. An unknown ``kid`` may be new, so it is looked for, but not for each request."""
    key = public_keys(now=now).get(kid)
    if key is None and not (_snapshot and _snapshot.is_fresh(now, LOOK_FOR_UNKNOWN_EVERY)):
        _load(now=now)
        key = public_keys(now=now).get(kid)
    return key


def jwks(*, now: datetime) -> dict[str, list[dict[str, str]]]:
    """The public keys as a JSON Web Key Set (RFC 7517)."""
    return {"keys": [json.loads(row.public_jwk) for row in _verifying(_rows(now=now), now)]}


def rotate(*, now: datetime, by: Actor = SYSTEM) -> str:
    """Publish a new key that takes over signing soon; return its ``kid``.

    It takes over at once when the present key cannot be used any more.
    """
    row = _new_row(now=now, active_from=_takes_over_at(now))
    try:
        with transaction.atomic():
            newest = SigningKey.objects.filter(retired_at=None)
            newest.update(retired_at=row.active_from)
            row.save(force_insert=True)
            by.did("signing-key.rotate", row.kid, now=now, place="")
    except IntegrityError:  # somebody else rotated at the same moment: one new key is enough
        return SigningKey.objects.get(retired_at=None).kid
    forget_cached_keys()
    return row.kid


def revoke(*, now: datetime, by: Actor = SYSTEM) -> str:
    """Make a key that signs at once, and all others worthless; return its ``kid``.

    For a key that somebody else may have: every token that was issued ends, and clients log in
    again by themselves. Other processes know within ``REMEMBER_FOR``.
    """
    row = _new_row(now=now, active_from=now - CLOCK_LEEWAY)
    with transaction.atomic():
        SigningKey.objects.all().delete()
        row.save(force_insert=True)
        by.did("signing-key.revoke", row.kid, now=now, place="")
    forget_cached_keys()
    return row.kid


def reseal_keys() -> list[str]:
    """Encrypt the stored keys under SECRET_KEY; return those that cannot be read any more."""
    lost = []
    for kid, sealed in list(SigningKey.objects.values_list("kid", "private_key")):
        try:
            again = cipher(purpose=_PURPOSE).rotate(sealed.encode()).decode()
        except InvalidToken:
            lost.append(f"signing key {kid}")
            continue
        SigningKey.objects.filter(kid=kid).update(private_key=again)
    forget_cached_keys()
    return lost


def delete_retired(*, now: datetime) -> int:
    """Delete keys whose last token has long ended; return how many."""
    deleted, _ = SigningKey.objects.filter(retired_at__lt=now - 2 * _verifies_after()).delete()
    return deleted


def forget_cached_keys() -> None:
    global _snapshot  # noqa: PLW0603 - the one cache of this process
    _snapshot = None


def _rows(*, now: datetime) -> tuple[SigningKey, ...]:
    snapshot = _snapshot
    return snapshot.rows if snapshot and snapshot.is_fresh(now, REMEMBER_FOR) else _load(now=now)


_KEYS: Final = Prepared(
    lambda: SigningKey.objects.order_by("active_from", "pk").values_list(
        *("kid", "private_key", "public_jwk", "active_from", "retired_at")
    )
)


def _key(row: Sequence[Any]) -> SigningKey:
    kid, private_key, public_jwk, active_from, retired_at = row
    return SigningKey(
        kid=kid,
        private_key=private_key,
        public_jwk=public_jwk,
        active_from=moment(active_from),
        retired_at=retired_at and moment(retired_at),
    )


def _load(*, now: datetime) -> tuple[SigningKey, ...]:
    global _snapshot  # noqa: PLW0603 - the one cache of this process
    with _reload:
        rows = tuple(map(_key, _KEYS.rows()))
        _snapshot = _Snapshot(at=now, rows=rows)
    return rows


def _signing(rows: tuple[SigningKey, ...], now: datetime) -> SigningKey | None:
    active = [
        row
        for row in rows
        if row.active_from <= now and (row.retired_at is None or now < row.retired_at)
    ]
    return active[-1] if active else None


def _verifying(rows: tuple[SigningKey, ...], now: datetime) -> list[SigningKey]:
    return [
        row for row in rows if row.retired_at is None or now < row.retired_at + _verifies_after()
    ]


def _verifies_after() -> timedelta:
    return timedelta(seconds=settings.BERTH.TOKEN_LIFETIME_SECONDS) + CLOCK_LEEWAY


def _add_first(*, now: datetime) -> None:
    # Requests that began before this one, here or beside us, sign with it as well.
    row = _new_row(now=now, active_from=now - CLOCK_LEEWAY)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            SYSTEM.did("signing-key.create", row.kid, now=now, place="")
    except IntegrityError:
        return  # another process was first; its key is as good


def _takes_over_at(now: datetime) -> datetime:
    try:
        signing_key(now=now)
    except SigningKeyUnreadable:
        return now
    return now + PUBLISH_BEFORE_SIGNING


def _new_row(*, now: datetime, active_from: datetime) -> SigningKey:
    key = generate_private_key(public_exponent=65537, key_size=KEY_SIZE_BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    jwk = _jwk(key.public_key())
    return SigningKey(
        kid=jwk["kid"],
        private_key=cipher(purpose=_PURPOSE).encrypt(pem).decode(),
        public_jwk=json.dumps(jwk),
        created_at=now,
        active_from=active_from,
    )


def _jwk(key: RSAPublicKey) -> dict[str, str]:
    """The key as JSON, under its thumbprint (RFC 7638, 3: required members, sorted, compact)."""
    members = RSAAlgorithm.to_jwk(key, as_dict=True)
    required: dict[str, str] = {name: members[name] for name in ("e", "kty", "n")}
    canonical = json.dumps(required, separators=(",", ":")).encode()
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")
    return {**required, "kid": thumbprint, "use": "sig", "alg": "RS256"}


@lru_cache(maxsize=16)
def _public_key(public_jwk: str) -> RSAPublicKey:
    return cast("RSAPublicKey", RSAAlgorithm.from_jwk(public_jwk))


@lru_cache(maxsize=4)
def _decrypt(kid: str, encrypted: str) -> RSAPrivateKey:
    try:
        pem = cipher(purpose=_PURPOSE).decrypt(encrypted.encode())
    except InvalidToken as error:
        raise SigningKeyUnreadable(kid) from error
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, RSAPrivateKey):
        raise SigningKeyUnreadable(kid)
    return key


def cipher(*, purpose: str) -> MultiFernet:
    """Encrypts under SECRET_KEY; reads what any of SECRET_KEY_FALLBACKS encrypted, too.

    Args:
        purpose: what it encrypts. What is encrypted for one purpose cannot be read for another.
    """
    secret_keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derive(secret_key, purpose)) for secret_key in secret_keys])


def _derive(secret_key: str | bytes, purpose: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return base64.urlsafe_b64encode(hkdf.derive(force_bytes(secret_key)))

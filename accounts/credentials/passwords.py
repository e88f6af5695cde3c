"""Checking a password: once with Argon2, then for a minute from memory; or by a directory (LDAP).

A client asks for a token with the same password many times in a row; hashing it each
time would cost more than the requests themselves.

An account that the directory opens was made by it: what else there is under that name, with a
password of Berth's or of another service, stays closed to it.
"""

import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from allauth.socialaccount.models import SocialAccount
from cachetools import FIFOCache
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from accounts.audit.services import Actor
from accounts.errors import AccountError
from accounts.names import is_name
from accounts.users.models import User
from accounts.users.passwords import MAX_PASSWORD_LENGTH
from accounts.users.services import create_user
from artifacts.oci.errors import TooManyRequests

REMEMBER_FOR: Final = timedelta(seconds=60)
REMEMBERED_AT_MOST: Final = 1024
HASHES_AT_ONCE: Final = 2
WAIT_FOR_HASHING_SECONDS: Final = 10
PROVIDER: Final = "ldap"

# Where operators look for what the directory refused.
logger = logging.getLogger("accounts.credentials.directory")


class RememberedPasswords:
    """Passwords that were right a moment ago, as keyed hashes, in this process only.

    The user's stored hash is part of what is keyed: a change of the password makes the
    entry unreachable. Whether the account is disabled is asked of the row each time.
    """

    def __init__(self) -> None:
        self._process_key = secrets.token_bytes(32)
        self._seen: FIFOCache[bytes, datetime] = FIFOCache(REMEMBERED_AT_MOST)
        self._lock = threading.Lock()

    def add(self, user: User, password: str, *, now: datetime) -> None:
        with self._lock:
            self._seen[self._key(user, password)] = now

    def holds(self, user: User | None, password: str, *, now: datetime) -> bool:
        if user is None:
            return False
        with self._lock:
            seen_at = self._seen.get(self._key(user, password))
        return seen_at is not None and seen_at <= now < seen_at + REMEMBER_FOR

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()

    def _key(self, user: User, password: str) -> bytes:
        text = f"{user.pk}\0{user.password}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._process_key, text, hashlib.sha256)


remembered = RememberedPasswords()
_slots = threading.BoundedSemaphore(HASHES_AT_ONCE)


@contextmanager
def hashing_slot() -> Iterator[None]:
    """Let few hash at once, so that a storm of logins leaves memory and CPU to the rest."""
    if not _slots.acquire(timeout=WAIT_FOR_HASHING_SECONDS):
        raise TooManyRequests("too many logins at once; try again", retry_after_seconds=1)
    try:
        yield
    finally:
        _slots.release()


def verify(user: User | None, password: str, *, now: datetime) -> bool:
    """Whether ``password`` is the user's. Call it in a ``hashing_slot``.

    It hashes once also when there is no such user: an unknown name must take as long as
    a wrong password.
    """
    decoy = _decoy_hash()
    if remembered.holds(user, password, now=now):  # by another thread, while we waited
        return True
    hashable = password.encode("utf-8", "replace").decode()[:MAX_PASSWORD_LENGTH]
    if user is None or not user.has_usable_password() or hashable != password:
        check_password(hashable, decoy)
        return False
    if not user.check_password(password):
        return False
    remembered.add(user, password, now=now)
    return True


def is_in_directory(user: User | None) -> bool:
    """Whether the directory has to say if a password is right."""
    is_elsewhere = user is None or not user.has_usable_password()
    return settings.BERTH.AUTHENTICATION_TYPE == "LDAP" and is_elsewhere


def directory_person(username: str, password: str, *, address: str, now: datetime) -> User | None:
    """The person of that name and password, with an account made for them if they are new."""
    from django_auth_ldap.backend import LDAPBackend

    class Directory(LDAPBackend):  # type: ignore[misc]
        def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
            known = SocialAccount.objects.filter(provider=PROVIDER, uid=username).first()
            if known is not None:
                return known.user, False
            emails = ldap_user.attrs.get(settings.BERTH.LDAP_EMAIL_ATTR) or [""]
            return _account_of(username, emails[0].lower(), address=address, now=now), False

    if not is_name(username):
        return None
    try:
        found: User | None = Directory().authenticate(None, username=username, password=password)
    except AccountError as error:
        logger.warning("no account was made for a person of the directory: %s", error)
        return None
    return found


def _account_of(username: str, email: str, *, address: str, now: datetime) -> User:
    with transaction.atomic():
        user = create_user(
            username=username,
            password=None,
            email=email,
            now=now,
            by=Actor(username, address=address),
        )
        SocialAccount.objects.create(user=user, provider=PROVIDER, uid=username)
    return user


@cache
def _decoy_hash() -> str:
    return make_password(secrets.token_urlsafe())

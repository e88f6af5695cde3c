"""Checking a password: once with Argon2, then for a minute from memory.

A client asks for a token with the same password many times in a row; hashing it each
time would cost more than the requests themselves.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from cachetools import FIFOCache
from django.contrib.auth.hashers import check_password, make_password

from accounts.statements import refuse_on_loop
from accounts.users.models import User
from accounts.users.passwords import MAX_PASSWORD_LENGTH
from artifacts.oci.errors import TooManyRequests

REMEMBER_FOR: Final = timedelta(seconds=60)
REMEMBERED_AT_MOST: Final = 1024
HASHES_AT_ONCE: Final = 2
WAIT_FOR_HASHING_SECONDS: Final = 10


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
    refuse_on_loop()
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


@cache
def _decoy_hash() -> str:
    return make_password(secrets.token_urlsafe())

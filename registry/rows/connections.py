"""Keeping the database free for others: waiting gives a connection back, and long work rests."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_LONGEST_PAUSE_SECONDS = 0.5


def release_connection() -> None:
    """Before bytes flow or a wait begins: a slow client must not hold it.

    Does nothing without a pool, and inside a transaction.
    """
    if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
        connection.close()


@contextmanager
def connection_between_waits() -> Iterator[None]:
    """Inside, the database may be asked; behind it the connection goes back."""
    try:
        yield
    finally:
        release_connection()


@contextmanager
def connection_of_a_call() -> Iterator[None]:
    """Around a call outside of Django's requests: no broken connection stays behind it."""
    try:
        yield
    finally:
        connection.close_if_unusable_or_obsolete()
        release_connection()


def rest(begun: float) -> None:
    """Wait as long as the work since ``begun`` took, by ``time.monotonic``, at most half a second.

    For long work in the background. Half of the time belongs to the others: SQLite has one
    writer at a time.
    """
    time.sleep(min(time.monotonic() - begun, _LONGEST_PAUSE_SECONDS))

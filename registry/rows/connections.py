"""Giving a pooled connection back, so that nobody who waits for a network holds it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


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

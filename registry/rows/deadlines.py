"""Statements that may not take long: whoever asks too much is told so, and holds up nobody."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, connection, transaction

_STEPS_BETWEEN_LOOKS: Final = 50_000  # of SQLite's virtual machine: some milliseconds


class TookTooLong(Exception):
    """A statement was ended at its deadline."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End what the database is asked inside, once it takes longer: on PostgreSQL each statement,
    on SQLite all together.

    Only for reads: what was asked before the deadline is not undone. Raises ``TookTooLong``.
    """
    end = time.monotonic() + seconds
    limit = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    try:
        with limit(seconds):
            yield
    except OperationalError as error:
        if time.monotonic() < end:
            raise
        raise TookTooLong from error


@contextmanager
def _on_postgresql(seconds: float) -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        yield
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")  # of a transaction around this


@contextmanager
def _on_sqlite(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    connection.ensure_connection()
    database = connection.connection
    database.set_progress_handler(lambda: time.monotonic() > end, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        database.set_progress_handler(None, 0)

"""Statements of the hottest reads, written out.

To build such a statement from a QuerySet takes ten times as long as to run it,
and these run with every request. Each stands for one QuerySet method, and is
kept as small; both databases read them alike.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction

_READ_SECONDS = 0.2  # a reader of SQLite waits for nobody but whoever repairs the database


class _OfThread(threading.local):
    reader: sqlite3.Connection | None = None


_own = _OfThread()


@contextmanager
def read_on_loop(database: Path) -> Iterator[None]:
    """Inside, ``rows`` of this thread reads SQLite without Django's connection.

    An event loop may not use that one, which could wait for a writer. A read by an index takes
    less than to go to a thread and back. Whatever asks Django still raises
    ``SynchronousOnlyOperation``, so nothing else happens on the loop by mistake.
    """
    reader = sqlite3.connect(
        database,
        timeout=_READ_SECONDS,
        detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
        isolation_level=None,
    )
    reader.execute("PRAGMA query_only = ON")
    _own.reader = reader
    try:
        yield
    finally:
        _own.reader = None
        reader.close()


def rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    values = [_adapted(value) for value in parameters]
    if _own.reader:
        return _own.reader.execute(_for_sqlite(statement), values).fetchall()
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def execute(statement: str, parameters: Sequence[Any]) -> int:
    """Run a statement that writes; return how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [_adapted(value) for value in parameters])
        changed: int = cursor.rowcount
    return changed


def moment(value: Any) -> datetime:
    """A column of ``rows`` that holds a time: SQLite knows no such type."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@contextmanager
def commit_without_sync() -> Iterator[None]:
    """A commit inside need not wait for the disk.

    A power cut may lose it, nothing less. For rows whose loss makes a client repeat
    a request: no promise stands on them. Does nothing inside a transaction, whose
    own commit decides.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        execute("PRAGMA synchronous=NORMAL", [])
        try:
            yield
        finally:
            execute("PRAGMA synchronous=FULL", [])
    else:
        with transaction.atomic():
            execute("SET LOCAL synchronous_commit TO OFF", [])
            yield


@lru_cache(maxsize=64)
def _for_sqlite(statement: str) -> str:
    return statement.replace("%s", "?")


def _adapted(value: Any) -> Any:
    """As the database keeps it: SQLite knows neither moments nor UUIDs.

    What Django's own adaptation gives, without its way through the settings, which took longer
    than the statement.
    """
    if connection.vendor != "sqlite":
        return value
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value)
    return value.hex if isinstance(value, UUID) else value

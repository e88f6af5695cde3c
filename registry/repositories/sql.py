"""Statements of the hottest reads, written out.

To build such a statement from a QuerySet takes ten times as long as to run it,
and these run with every request. Each stands for one QuerySet method, and is
kept as small; both databases read them alike.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction


def rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [_adapted(value) for value in parameters])
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
def written_lazily() -> Iterator[None]:
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


def _adapted(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value

"""Into another database, and into another store.

Each table goes in one transaction, so of one that broke off nothing is there, and what is there is
not moved again. Blobs keep their keys, so rows need not know.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from django.db.backends.base.base import BaseDatabaseWrapper

from registry.blobs.models import Blob
from registry.gc.hold import held
from registry.keeping.copying import Copied, Wanted, copy_blobs, read_stored
from registry.keeping.places import Place
from registry.keeping.tables import (
    OF_PROCESSES,
    Row,
    Snapshot,
    Table,
    empty,
    go_on_counting,
    rows_in,
    tables,
    write,
)
from registry.storage.base import BlobStore

TOLD_EVERY_ROWS = 50_000
_PAGE_ROWS = 1000
# Of these none are in tables that nobody has used.
_SIGNS_OF_USE = frozenset({"users.Namespace", "blobs.Blob", "audit.AuditEvent"})


class MoveRefused(Exception):
    """Rows cannot be moved there. One sentence for a person."""


def make_ready(target: BaseDatabaseWrapper) -> None:
    """Empty tables that nobody has used. Raises ``MoveRefused``."""
    all_tables = tables(without=frozenset())
    if any(rows_in(target, table) for table in all_tables if table.name in _SIGNS_OF_USE):
        raise MoveRefused("the database to move to is not empty; nothing was changed")
    empty(target, all_tables)
    target.commit()


def move_rows(source: Snapshot, target: BaseDatabaseWrapper, *, tell: Callable[[str], None]) -> int:
    """Move what is not there yet; return how many rows are there. Raises ``MoveRefused``.

    Args:
        target: without autocommit, with tables of this version.
    """
    moved_tables = tables(without=OF_PROCESSES)
    for table in moved_tables:
        expected = source.count(table)
        if rows_in(target, table) != expected:
            empty(target, [table])
            write(target, table, _with_progress(source.rows(table), table, expected, tell))
        target.commit()
    go_on_counting(target, moved_tables)
    target.commit()
    return sum(_compared(source, target, table) for table in moved_tables)


def move_blobs(
    place: Place,
    store: BlobStore,
    *,
    clock: Callable[[], datetime],
    tell: Callable[[Copied], None],
) -> Copied:
    """Copy the bytes of every blob; those that are pushed meanwhile may be left out.

    Raises ``HoldLost``.

    Args:
        store: what ``place`` is to those that push meanwhile.
    """
    with held(clock) as hold:
        return copy_blobs(
            _named(),
            read=read_stored,
            place=place,
            is_there=lambda blob: store.size(blob.key) == blob.size,
            tell=tell,
            go_on=hold.renew,
        )


def _named() -> Iterator[Wanted]:
    after = ""
    rows = Blob.objects.filter(missing_at=None).order_by("storage_key")
    while page := list(rows.filter(storage_key__gt=after)[:_PAGE_ROWS]):
        for blob in page:
            yield Wanted(blob.storage_key, blob.digest, blob.size)
        after = page[-1].storage_key


def _compared(source: Snapshot, target: BaseDatabaseWrapper, table: Table) -> int:
    actual, expected = rows_in(target, table), source.count(table)
    if actual != expected:
        raise MoveRefused(f"{table.name} has {actual:,} rows in place of {expected:,}; begin again")
    return actual


def _with_progress(
    rows: Iterable[Row], table: Table, expected: int, tell: Callable[[str], None]
) -> Iterator[Row]:
    number = 0
    for number, row in enumerate(rows, 1):
        if number % TOLD_EVERY_ROWS == 0:
            tell(f"{table.name}: {number:,} of {expected:,}")
        yield row
    tell(f"{table.name}: {number:,} rows")

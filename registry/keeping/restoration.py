"""Making a registry of a backup, in an empty place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection, transaction

from accounts.users.models import Namespace
from registry.blobs.models import Blob
from registry.keeping.backups import Backup, fetched
from registry.keeping.copying import Copied, Wanted, copy_blobs
from registry.keeping.places import Place
from registry.keeping.tables import (
    OF_THE_MOMENT,
    Table,
    empty,
    go_on_counting,
    rows_in,
    tables,
    write,
)


class RestoreRefused(Exception):
    """The backup cannot be restored here. One sentence for a person."""


@dataclass(frozen=True, slots=True)
class Restored:
    rows: int
    blobs: Copied


def check_fits(backup: Backup) -> list[Table]:
    """The tables to fill. Raises ``RestoreRefused`` unless those of the backup are the same."""
    tables_to_fill = tables(without=OF_THE_MOMENT)
    columns = {name: set(entry["columns"]) for name, entry in backup.manifest["tables"].items()}
    if columns != {table.name: set(table.columns) for table in tables_to_fill}:
        raise RestoreRefused(
            f"the backup was made by version {backup.manifest['version']}, whose tables are others:"
            " restore it with that version, then upgrade"
        )
    return tables_to_fill


def check_empty(backup: Backup, place: Place) -> None:
    """Raises ``RestoreRefused``. Blobs of a restore that broke off may be there."""
    if Namespace.objects.exists() or Blob.objects.exists():
        raise RestoreRefused("the database is not empty; nothing was changed")
    named = backup.blobs()
    blob = next(named, None)
    for file in place.files("blobs"):
        while blob and blob.key < file.name:
            blob = next(named, None)
        if blob is None or blob.key != file.name:
            raise RestoreRefused(
                f"the store is not empty: it holds {file.name}; nothing was changed"
            )


def restore(
    backup: Backup, place: Place, *, tell: Callable[[Copied], None] = lambda _: None
) -> Restored:
    """Blobs first, then all rows at once: what breaks off leaves no rows, and is repeated.

    Args:
        place: where the store of this registry keeps its blobs.

    Raises ``RestoreRefused`` and ``BackupInvalid``.
    """
    tables_to_fill = check_fits(backup)
    place.require()
    with fetched(backup) as near:
        check_empty(near, place)
        blobs = copy_blobs(near.blobs(), read=_reader(backup), place=place, tell=tell)
        with transaction.atomic(durable=True):
            empty(connection, tables_to_fill)
            rows = sum(_fill(near, table) for table in tables_to_fill)
            go_on_counting(connection, tables_to_fill)
    return Restored(rows, blobs)


def _fill(backup: Backup, table: Table) -> int:
    write(connection, table, backup.rows(table))
    actual, expected = rows_in(connection, table), backup.manifest["tables"][table.name]["rows"]
    if actual != expected:
        raise RestoreRefused(f"{table.name} has {actual:,} rows in place of {expected:,}")
    return actual


def _reader(backup: Backup) -> Callable[[Wanted], Iterator[bytes]]:
    return lambda blob: backup.place.read(blob.key, blob.size)

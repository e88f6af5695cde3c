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
    chosen = tables(without=OF_THE_MOMENT)
    known = {name: set(said["columns"]) for name, said in backup.said["tables"].items()}
    if known != {table.name: set(table.columns) for table in chosen}:
        raise RestoreRefused(
            f"the backup was made by version {backup.said['version']}, whose tables are others:"
            " restore it with that version, then upgrade"
        )
    return chosen


def check_empty(backup: Backup, place: Place) -> None:
    """Raises ``RestoreRefused``. Blobs of a restore that broke off may be there."""
    if Namespace.objects.exists() or Blob.objects.exists():
        raise RestoreRefused("the database is not empty; nothing was changed")
    named = backup.blobs()
    blob = next(named, None)
    for kept in place.kept("blobs"):
        while blob and blob.key < kept.name:
            blob = next(named, None)
        if blob is None or blob.key != kept.name:
            raise RestoreRefused(
                f"the store is not empty: it holds {kept.name}; nothing was changed"
            )


def restore(
    backup: Backup, place: Place, *, tell: Callable[[Copied], None] = lambda _: None
) -> Restored:
    """Blobs first, then all rows at once: what breaks off leaves no rows, and is repeated.

    Args:
        place: where the store of this registry keeps its blobs.

    Raises ``RestoreRefused`` and ``BackupInvalid``.
    """
    chosen = check_fits(backup)
    place.require()
    with fetched(backup) as near:
        check_empty(near, place)
        blobs = copy_blobs(near.blobs(), read=_reader(backup), place=place, tell=tell)
        with transaction.atomic(durable=True):
            empty(connection, chosen)
            rows = sum(_fill(near, table) for table in chosen)
            go_on_counting(connection, chosen)
    return Restored(rows, blobs)


def _fill(backup: Backup, table: Table) -> int:
    write(connection, table, backup.rows(table))
    found, expected = rows_in(connection, table), backup.said["tables"][table.name]["rows"]
    if found != expected:
        raise RestoreRefused(f"{table.name} has {found:,} rows in place of {expected:,}")
    return found


def _reader(backup: Backup) -> Callable[[Wanted], Iterator[bytes]]:
    return lambda blob: backup.place.read(blob.key, blob.size)

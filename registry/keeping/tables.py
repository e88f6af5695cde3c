"""All rows of the registry, read at one moment and written elsewhere, table by table.

A value is what Django's fields make of it, so that rows of one database go into another of
another kind. The tables of both must be those of this version.
"""

import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection as default
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignKey, JSONField, Model
from django.utils.duration import duration_string

from artifacts.batches import batched
from registry.blobs.models import Blob

_BATCH_ROWS = 500
_SQLITE_WAITS_SECONDS = 20
Row = tuple[Any, ...]
Plain = bool | int | float | str | list[Any] | dict[str, Any] | None

# What belongs to processes that run now, and means nothing elsewhere or later.
OF_PROCESSES: Final = frozenset({"gc.Turn", "gc.Checkpoint", "statistics.ServerProcess"})
# What goes on only where the bytes of unfinished uploads are, and while people are signed in; and
# what is made again when somebody asks for it.
OF_THE_MOMENT: Final = OF_PROCESSES | {
    *("blobs.UploadSession", "storage.S3Upload", "storage.S3Multipart", "queue.Message"),
    *("sessions.Session", "usersessions.UserSession"),
    *("credentials.SharedValue", "credentials.LoginThrottle", "inspection.Listing"),
}


@dataclass(frozen=True)
class Table:
    model: type[Model]

    @property
    def name(self) -> str:
        """The model's, such as ``tags.Tag``."""
        return self.model._meta.label

    @cached_property
    def fields(self) -> Sequence["Field[Any, Any]"]:
        return [field for field in self.model._meta.concrete_fields if not field.generated]

    @cached_property
    def columns(self) -> list[str]:
        return [str(field.column) for field in self.fields]

    def place(self, database: BaseDatabaseWrapper) -> str:
        """Its name in statements."""
        return str(database.ops.quote_name(self.model._meta.db_table))

    def select(self, database: BaseDatabaseWrapper) -> str:
        columns = ", ".join(map(database.ops.quote_name, self.columns))
        return f"SELECT {columns} FROM {self.place(database)}"  # noqa: S608

    def select_count(self, database: BaseDatabaseWrapper) -> str:
        return f"SELECT COUNT(*) FROM {self.place(database)}"  # noqa: S608


def tables(*, without: frozenset[str]) -> list[Table]:
    """Those whose rows others need come first."""
    models = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.label not in without
    ]
    placed: dict[type[Model], Table] = {}

    def place(model: type[Model]) -> None:
        if model in placed or model not in models:
            return
        for field in model._meta.concrete_fields:
            if isinstance(field, ForeignKey) and field.related_model is not model:
                place(field.related_model)
        placed[model] = Table(model)

    for model in models:
        place(model)
    return list(placed.values())


class Snapshot:
    """All tables as they were at one moment. Nobody waits for it."""

    def __init__(
        self, database: BaseDatabaseWrapper, read: Callable[[str], Iterator[Sequence[Any]]]
    ) -> None:
        self._database = database
        self._read = read

    def rows(self, table: Table) -> Iterator[Row]:
        converters = [_converter(field, self._database) for field in table.fields]
        for row in self._read(table.select(self._database)):
            yield tuple(
                value if convert is None else convert(value)
                for convert, value in zip(converters, row, strict=True)
            )

    def blobs(self) -> Iterator[tuple[str, str, int]]:
        """Key, digest and length of those that are not known to be lost, in the order of keys."""
        quote = self._database.ops.quote_name
        where = f"{quote(Blob._meta.db_table)} WHERE missing_at IS NULL ORDER BY storage_key"
        for row in self._read(f"SELECT storage_key, digest, size FROM {where}"):  # noqa: S608
            yield str(row[0]), str(row[1]), int(row[2])

    def count(self, table: Table) -> int:
        ((count,),) = self._read(table.select_count(self._database))
        return int(count)


@contextmanager
def snapshot() -> Iterator[Snapshot]:
    if default.vendor == "sqlite":
        with _sqlite_snapshot() as moment:
            yield moment
    else:
        with _postgresql_snapshot() as moment:
            yield moment


@contextmanager
def _sqlite_snapshot() -> Iterator[Snapshot]:
    uri = f"file:{default.settings_dict['NAME']}?mode=ro"
    with closing(
        sqlite3.connect(uri, uri=True, timeout=_SQLITE_WAITS_SECONDS, isolation_level=None)
    ) as reader:
        # Not Django's own connection: its transactions begin as writers.
        reader.execute("BEGIN")
        yield Snapshot(default, lambda statement: iter(reader.execute(statement)))


@contextmanager
def _postgresql_snapshot() -> Iterator[Snapshot]:
    reader = default.copy()
    numbers = iter(range(10_000))

    def read(statement: str) -> Iterator[Sequence[Any]]:
        with reader.connection.cursor(name=f"keeping_{next(numbers)}") as cursor:
            cursor.itersize = _BATCH_ROWS * 4
            yield from cursor.execute(statement)

    try:
        reader.set_autocommit(False)
        with reader.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield Snapshot(reader, read)
    finally:
        reader.rollback()
        reader.close()


def empty(database: BaseDatabaseWrapper, chosen: Sequence[Table]) -> None:
    """Take away what migrations put into new tables."""
    with database.cursor() as cursor:
        for table in reversed(chosen):
            cursor.execute(f"DELETE FROM {table.place(database)}")  # noqa: S608


def rows_in(database: BaseDatabaseWrapper, table: Table) -> int:
    with database.cursor() as cursor:
        cursor.execute(table.select_count(database))
        return int(cursor.fetchone()[0])


def write(database: BaseDatabaseWrapper, table: Table, rows: Iterable[Row]) -> None:
    prepare = [field.get_db_prep_save for field in table.fields]
    prepared = (
        [made(value, database) for made, value in zip(prepare, row, strict=True)] for row in rows
    )
    name = table.place(database)
    columns = ", ".join(map(database.ops.quote_name, table.columns))
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            with cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
                for row in prepared:
                    copy.write_row(row)
            return
        places = ", ".join(["%s"] * len(table.columns))
        for batch in batched(prepared, _BATCH_ROWS):
            cursor.executemany(f"INSERT INTO {name} ({columns}) VALUES ({places})", batch)  # noqa: S608


def go_on_counting(database: BaseDatabaseWrapper, chosen: Sequence[Table]) -> None:
    """New rows get keys that no copied row has."""
    models = [table.model for table in chosen]
    with database.cursor() as cursor:
        for statement in database.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def plain(value: Any) -> Plain:
    """A value as JSON has it."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case UUID() | Decimal():
            return str(value)
        case bytes() | memoryview():
            return b64encode(value).decode()
        case timedelta():
            return duration_string(value)
    scalar: Plain = value
    return scalar


def typed(field: "Field[Any, Any]", value: Plain) -> Any:
    """What ``plain`` made, as the field has it."""
    if value is None or isinstance(field, JSONField):
        return value
    return field.to_python(value)


def _converter(
    field: "Field[Any, Any]", database: BaseDatabaseWrapper
) -> Callable[[Any], Any] | None:
    """What Django does to a value that it reads; ``None``: nothing."""
    expression = field.get_col(field.model._meta.db_table)
    steps = [
        *database.ops.get_db_converters(expression),
        *expression.get_db_converters(database),
    ]
    if not steps:
        return None

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, expression, database)
        return value

    return convert

"""Statements of the hottest reads, written out.

To build such a statement from a QuerySet takes ten times as long as to run it,
and these run with every request. Each stands for one QuerySet method, and is
kept as small; both databases read them alike.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, transaction
from django.db.models import QuerySet
from django.utils.asyncio import async_unsafe

T = TypeVar("T")

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 500  # SQLite and PostgreSQL both limit the parameters of a statement
_READ_SECONDS = 0.2  # a reader of SQLite waits for nobody but whoever repairs the database
_REMEMBERED_BYTES = 8 * 1024 * 1024  # in each process
_BYTES_OF_ENTRY = 1024  # beside what it holds of text and bytes


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What rows say, and ``until`` when, if nobody commits: for ever, or as long as a moment has
    not come."""

    value: T
    until: datetime | None = None
    size_bytes: int = 0


class Holding:
    """How long what is being found may be told again, unless somebody commits.

    Whoever compares a moment with a row says until when the outcome stays (``holds_until``), and
    whoever does something for each request says what (``each_time``).
    """

    __slots__ = ("actions", "is_certain", "until")

    def __init__(self) -> None:
        self.until: datetime | None = None
        self.is_certain = True  # false: rows were read of which nobody knows how long they hold
        self.actions: list[Callable[[datetime], object]] = []

    def end_by(self, moment: datetime) -> None:
        if self.until is None or moment < self.until:
            self.until = moment


class LoopReader:
    """Reads SQLite on a loop, and remembers what was found as long as nobody commits.

    What nodes of a cluster ask for is the same, whoever asks, and between two commits the
    database would say the same again. That there was none takes a third of a read to learn.
    """

    def __init__(self, database: Path) -> None:
        self.connection = sqlite3.connect(
            database,
            timeout=_READ_SECONDS,
            detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
            isolation_level=None,
        )
        self.connection.execute("PRAGMA query_only = ON")
        self._looking = self.connection.cursor()
        self._entries: dict[Hashable, Found[Any]] = {}
        self._room = _REMEMBERED_BYTES
        self.version = -1  # another after every commit

    def look(self) -> None:
        """Before each answer: forget what was found before somebody committed."""
        (version,) = self._looking.execute("PRAGMA data_version").fetchone()
        if version != self.version:
            self.version = version
            self._forget()

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        return _cursor(self.connection, statement, parameters).fetchall()

    def remembered(
        self, key: Hashable, find: Callable[[], Found[T]], now: datetime | None
    ) -> Found[T]:
        entry: Found[T] | None = self._entries.get(key)
        if entry is None or (entry.until and (now is None or now >= entry.until)):
            entry = self._find(key, find)
        return entry

    def _find(self, key: Hashable, find: Callable[[], Found[T]]) -> Found[T]:
        entry = _found(find)
        size_bytes = entry.size_bytes + _BYTES_OF_ENTRY
        if size_bytes > self._room:
            self._forget()
        if size_bytes <= self._room:
            self._entries[key] = entry
            self._room -= size_bytes
        return entry

    def _forget(self) -> None:
        self._entries.clear()
        self._room = _REMEMBERED_BYTES


class _OfThread(threading.local):
    reader: LoopReader | None = None
    noted: Holding | None = None  # of what is being found, if somebody wants to know
    statements = 0  # that ``rows`` sent to Django's connection


_own = _OfThread()


@contextmanager
def read_on_loop(database: Path) -> Iterator[LoopReader]:
    """Inside, ``rows`` of this thread reads SQLite without Django's connection.

    An event loop may not use that one, which could wait for a writer. A read by an index takes
    less than to go to a thread and back. Whatever asks Django still raises
    ``SynchronousOnlyOperation``, so nothing else happens on the loop by mistake.
    """
    reader = _own.reader = LoopReader(database)
    try:
        yield reader
    finally:
        _own.reader = None
        reader.connection.close()


@contextmanager
def holding() -> Iterator[Holding]:
    """What is found inside with ``rows`` and ``remembered``, and how long it holds."""
    before, _own.noted = _own.noted, Holding()
    try:
        yield _own.noted
    finally:
        _own.noted = before


@contextmanager
def holding_of_a_call() -> Iterator[Holding]:
    """The same around a call that may ask Django's connection for anything.

    Of what it found otherwise nobody knows how long it holds.
    """
    asked, before = 0, _own.statements

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return execute(*arguments)

    with connection.execute_wrapper(count), holding() as held:
        yield held
        held.is_certain = held.is_certain and asked == _own.statements - before


def rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    if _own.noted:
        _own.noted.is_certain = False
    if reader := _own.reader:
        return reader.rows(statement, parameters)
    if database := _unwatched_sqlite():
        with database.wrap_database_errors:
            return _cursor(database.connection, statement, parameters).fetchall()
    _own.statements += 1
    with connection.cursor() as cursor:
        cursor.execute(statement, _adapted(parameters))
        result: list[tuple[Any, ...]] = cursor.fetchall()
    return result


@async_unsafe("this takes long, or waits: not on an event loop")
def refuse_on_loop() -> None:
    """Raise ``SynchronousOnlyOperation`` on an event loop, as Django's connections do."""


def remembered(key: Hashable, find: Callable[[], Found[T]], *, now: datetime | None = None) -> T:
    """What ``find`` finds with ``rows``; on a loop it is not asked again before the next commit.

    Args:
        key: what is found, and all that it depends on but the rows and ``now``.
    """
    found = _own.reader.remembered(key, find, now) if _own.reader else _found(find)
    if _own.noted and found.until:
        _own.noted.end_by(found.until)
    return found.value


def _found(find: Callable[[], Found[T]]) -> Found[T]:
    before, _own.noted = _own.noted, None  # ``Found`` says how long it holds
    try:
        return find()
    finally:
        _own.noted = before


def holds_until(moment: datetime, *, now: datetime) -> None:
    """What follows from ``now`` being on this side of ``moment`` ends there."""
    if now < moment and _own.noted:
        _own.noted.end_by(moment)


def each_time(action: Callable[[datetime], object]) -> None:
    """What was done just now is done again, by ``action``, when the same answer is given again."""
    if _own.noted:
        _own.noted.actions.append(action)


def execute(statement: str, parameters: Sequence[Any]) -> int:
    """Run a statement that writes; return how many rows it changed."""
    # Outside of a transaction Django's cursor waits for its turn.
    if (database := _unwatched_sqlite()) and database.connection.in_transaction:
        with database.wrap_database_errors:
            return _cursor(database.connection, statement, parameters).rowcount
    with connection.cursor() as cursor:
        cursor.execute(statement, _adapted(parameters))
        changed: int = cursor.rowcount
    return changed


def places(count: int, *, each: str = "%s") -> str:
    """Where a statement takes ``count`` values, or as many rows of them, between its brackets."""
    return ", ".join([each] * count)


def _unwatched_sqlite() -> Any:
    """The database whose ``connection`` is asked below Django's cursors, which cost more than a
    statement; ``None`` where somebody counts or logs statements, or the database is another."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "sqlite" or database.queries_logged or database.execute_wrappers:
        return None
    database.ensure_connection()  # refuses on an event loop
    database.validate_no_broken_transaction()
    return database


def _cursor(
    database: sqlite3.Connection, statement: str, parameters: Sequence[Any]
) -> sqlite3.Cursor:
    values = [_for_sqlite(value) for value in parameters]
    return database.execute(_statement_for_sqlite(statement), values)


def write_in_batches(
    items: Sequence[T], write: Callable[[Sequence[T]], object], *, size: int, what: str
) -> Sequence[T]:
    """Write what waited in memory, ``size`` of it at a time; return what is left for later.

    Something is left when the database fails, which goes to the log.
    """
    for start in range(0, len(items), size):
        try:
            write(items[start : start + size])
        except DatabaseError:
            logger.warning("%s could not be written yet", what, exc_info=True)
            return items[start:]
    return []


def moment(value: Any) -> datetime:
    """A column of ``rows`` that holds a time: SQLite knows no such type."""
    date_time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return date_time if date_time.tzinfo else date_time.replace(tzinfo=UTC)


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
        connection.ensure_connection()
        database: sqlite3.Connection = connection.connection
        database.execute("PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            database.execute("PRAGMA synchronous=FULL")
    else:
        with transaction.atomic():
            execute("SET LOCAL synchronous_commit TO OFF", [])
            yield


@lru_cache(maxsize=64)
def _statement_for_sqlite(statement: str) -> str:
    return statement.replace("%s", "?").replace("%%", "%")


def _adapted(values: Sequence[Any]) -> Sequence[Any]:
    return [_for_sqlite(value) for value in values] if connection.vendor == "sqlite" else values


def _for_sqlite(value: Any) -> Any:
    """As the database keeps it: SQLite knows neither moments nor UUIDs.

    What Django's own adaptation gives, without its way through the settings, which took longer
    than the statement.
    """
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value)
    return value.hex if isinstance(value, UUID) else value


class Prepared:
    """The statement that a QuerySet stands for, built once for every value.

    For what comes with every request and is a rule that lists and pages ask by QuerySets, too: so
    it stands in one place, and costs what a statement costs that was written out.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        """``build`` takes the values, and may do nothing with them but filter by them."""
        self._build = build
        self._built: dict[tuple[str, ...], tuple[str, tuple[Any, ...]]] = {}

    def rows(self, *values: str | int) -> list[tuple[Any, ...]]:
        """What the QuerySet finds for these values; on a loop remembered as ``remembered`` does."""
        statement, parameters = self._statement(values)
        bound = [values[each.number] if isinstance(each, _Place) else each for each in parameters]
        return remembered((statement, *bound), lambda: _sized(rows(statement, bound)))

    def _statement(self, values: Sequence[str | int]) -> tuple[str, tuple[Any, ...]]:
        """The statement, and its parameters, some of which are places for values."""
        key = (connection.vendor, *(type(value).__name__ for value in values))
        if key not in self._built:
            marks = [_mark(value, number) for number, value in enumerate(values)]
            queryset = self._build(*marks)
            statement, parameters = queryset.query.get_compiler(connection=connection).as_sql()
            places = {mark: _Place(number) for number, mark in enumerate(marks)}
            slots = tuple(places.get(each, each) for each in parameters)
            if not all(place in slots for place in places.values()):
                raise TypeError(f"{self._build} does not filter by each of its values")
            self._built[key] = statement, slots
        return self._built[key]


def _sized(result: list[tuple[Any, ...]]) -> Found[list[tuple[Any, ...]]]:
    texts = (len(value) for row in result for value in row if isinstance(value, str | bytes))
    return Found(result, size_bytes=sum(texts))


@dataclass(frozen=True, slots=True)
class _Place:
    number: int


def _mark(value: str | int, number: int) -> str | int:
    """A value that nothing else in a statement has, and that fits where ``value`` does."""
    return f"place-{number}-of-a-value" if isinstance(value, str) else 1_987_654_000 + number

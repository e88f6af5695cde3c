"""Statements that run on an event loop read what Django's connection would."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts import statements
from accounts.users.models import Namespace
from registry.repositories.models import Repository
from tests.registry.builders import make_repository


@given(
    st.datetimes(
        min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - as Hypothesis takes it
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    )
)
def test_a_moment_is_written_as_django_writes_it(moment: datetime) -> None:
    assert statements._adapted([moment]) == [connection.ops.adapt_datetimefield_value(moment)]


def test_what_asks_django_is_refused_on_the_loop(tmp_path: Path) -> None:
    async def ask() -> None:
        with statements.read_on_loop(tmp_path / "db.sqlite3"):
            Repository.objects.filter(path="acme/web").exists()

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(ask())


def test_statements_are_read_on_the_loop(tmp_path: Path) -> None:
    async def ask() -> list[tuple[Any, ...]]:
        with statements.read_on_loop(tmp_path / "db.sqlite3"):
            return statements.rows("SELECT %s", [7])

    assert asyncio.run(ask()) == [(7,)]


def test_nothing_is_written_on_the_loop(tmp_path: Path) -> None:
    async def ask() -> None:
        with statements.read_on_loop(tmp_path / "db.sqlite3"):
            statements.rows("CREATE TABLE t (a)", [])

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        asyncio.run(ask())


NOW = datetime(2026, 1, 5, tzinfo=UTC)


class Asked:
    """Finds the next number each time it is asked."""

    def __init__(self, *, until: datetime | None = None, size_bytes: int = 0) -> None:
        self._found: statements.Found[int] = statements.Found(0, until, size_bytes)

    def __call__(self) -> statements.Found[int]:
        self._found = replace(self._found, value=self._found.value + 1)
        return self._found


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another connection to the database that is read."""
    with closing(sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE t (a)")
        yield other


@pytest.fixture
def reader(database: sqlite3.Connection, tmp_path: Path) -> Iterator[statements.LoopReader]:
    with statements.read_on_loop(tmp_path / "db.sqlite3") as reader:
        reader.look()
        yield reader


def test_what_was_found_is_remembered(reader: statements.LoopReader) -> None:
    find = Asked()
    statements.remembered("key", find)

    reader.look()
    assert statements.remembered("key", find) == 1


def test_what_depends_on_something_else_is_found_anew(reader: statements.LoopReader) -> None:
    find = Asked()
    statements.remembered("key", find)

    assert statements.remembered("other", find) == 2


def test_a_commit_of_anybody_else_ends_what_was_remembered(
    reader: statements.LoopReader, database: sqlite3.Connection
) -> None:
    find = Asked()
    statements.remembered("key", find)
    database.execute("INSERT INTO t VALUES (1)")

    reader.look()
    assert statements.remembered("key", find) == 2


def test_a_commit_that_a_statement_saw_before_ends_it_too(
    reader: statements.LoopReader, database: sqlite3.Connection
) -> None:
    find = Asked()
    statements.remembered("key", find)
    database.execute("INSERT INTO t VALUES (1)")
    statements.rows("SELECT a FROM t", [])

    reader.look()
    assert statements.remembered("key", find) == 2


@pytest.mark.parametrize(("seconds", "expected"), [(59, 1), (60, 2)])
def test_what_holds_until_a_moment_is_not_remembered_beyond_it(
    reader: statements.LoopReader, seconds: int, expected: int
) -> None:
    find = Asked(until=NOW + timedelta(minutes=1))
    statements.remembered("key", find, now=NOW)

    later = NOW + timedelta(seconds=seconds)
    assert statements.remembered("key", find, now=later) == expected


def test_what_is_remembered_has_a_bound(
    reader: statements.LoopReader,
) -> None:
    find = Asked(size_bytes=statements._REMEMBERED_BYTES // 2)
    for key in ("first", "second", "third"):
        statements.remembered(key, find)

    assert statements.remembered("first", find) == 4


def test_what_is_larger_than_all_that_may_be_remembered_is_found_each_time(
    reader: statements.LoopReader,
) -> None:
    find = Asked(size_bytes=statements._REMEMBERED_BYTES)
    statements.remembered("key", find)

    assert statements.remembered("key", find) == 2


def test_nothing_is_remembered_where_no_loop_reads() -> None:
    find = Asked()
    statements.remembered("key", find)

    assert statements.remembered("key", find) == 2


def _named(name: Any) -> QuerySet[Any, Any]:
    return Repository.objects.filter(path=name, is_public=True).values_list("path", "name")


@pytest.mark.django_db
def test_a_prepared_statement_finds_what_its_queryset_finds() -> None:
    for path, is_public in (("acme/web", True), ("acme/api", True), ("acme/private", False)):
        make_repository(path, is_public=is_public)
    prepared = statements.Prepared(_named)

    paths = ("acme/web", "acme/api", "acme/private", "acme/none")
    assert [prepared.rows(path) for path in paths] == [list(_named(path)) for path in paths]


@pytest.mark.django_db
def test_a_prepared_statement_is_built_once() -> None:
    built: list[str] = []

    def build(name: str) -> QuerySet[Any, Any]:
        built.append(name)
        return _named(name)

    prepared = statements.Prepared(build)
    prepared.rows("acme/web")
    prepared.rows("acme/api")

    assert len(built) == 1


@pytest.mark.django_db
def test_what_a_prepared_statement_does_not_filter_by_is_a_mistake_told_at_once() -> None:
    prepared = statements.Prepared(lambda _: Repository.objects.values_list("path"))

    with pytest.raises(TypeError, match="does not filter by each"):
        prepared.rows("acme/web")


def test_long_texts_of_a_prepared_statement_count_as_what_they_are() -> None:
    assert statements._sized([("web", 7, None), (b"body", "acme")]).size_bytes == 11


@pytest.mark.django_db
def test_what_the_database_refuses_is_told_in_djangos_words() -> None:
    table = Namespace._meta.db_table
    insert = f"INSERT INTO {table} (name, created_at) VALUES (%s, %s)"
    statements.execute(insert, ["acme", NOW])

    with pytest.raises(IntegrityError), transaction.atomic():
        statements.execute(insert, ["acme", NOW])


@pytest.mark.django_db
def test_a_percent_sign_is_written_twice() -> None:
    assert statements.rows("SELECT 'a%%b' WHERE 'x' = %s", ["x"]) == [("a%b",)]


@pytest.mark.django_db
def test_nothing_is_asked_in_a_transaction_that_broke() -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            statements.rows("SELECT 1", [])
        transaction.set_rollback(False)


@pytest.mark.django_db
def test_who_counts_statements_sees_them(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(2):
        statements.rows("SELECT 1", [])
        statements.execute("DELETE FROM blobs_blob WHERE digest = %s", ["none"])


def test_a_call_that_only_reads_what_is_remembered_holds(db: None) -> None:
    with statements.holding_of_a_call() as held:
        statements.remembered("key", lambda: statements.Found(statements.rows("SELECT 1", [])))

    assert held.is_certain


def test_a_call_that_also_asks_django_holds_for_nobody(db: None) -> None:
    with statements.holding_of_a_call() as held:
        statements.remembered("key", lambda: statements.Found(statements.rows("SELECT 1", [])))
        Repository.objects.filter(path="acme/web").exists()

    assert not held.is_certain


def test_what_is_found_in_a_call_holds_as_long_as_it_says(db: None) -> None:
    end = datetime(2026, 1, 2, tzinfo=UTC)
    with statements.holding_of_a_call() as held:
        statements.remembered("key", lambda: statements.Found("value", end))

    assert held.until == end

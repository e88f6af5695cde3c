"""Rows are moved table by table, and what is there is not moved again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from registry.keeping.moving import MoveRefused, make_ready, move_rows
from registry.keeping.tables import Row, Snapshot, Table, empty, snapshot, tables

pytestmark = [pytest.mark.usefixtures("filled"), pytest.mark.only_sqlite]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[BaseDatabaseWrapper]:
    """Another file with the same tables, of which none has a row."""
    other = connection.copy()
    other.settings_dict = {**other.settings_dict, "NAME": _copied(tmp_path / "moved.sqlite3")}
    other.set_autocommit(False)
    empty(other, tables(without=frozenset()))
    other.commit()
    yield other
    other.rollback()
    other.close()


def _copied(to: Path) -> Path:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(to)])
    return to


def rows_of(database: BaseDatabaseWrapper) -> dict[str, int]:
    found = {}
    with database.cursor() as cursor:
        for table in tables(without=frozenset()):
            cursor.execute(f"SELECT COUNT(*) FROM {table.model._meta.db_table}")
            found[table.name] = cursor.fetchone()[0]
    return found


class Breaking(Snapshot):
    def rows(self, table: Table) -> Iterator[Row]:
        yield from super().rows(table)
        if table.name == "tags.Tag":
            raise KeyboardInterrupt


def test_a_move_that_breaks_off_goes_on(target: BaseDatabaseWrapper) -> None:
    with snapshot() as source:
        with pytest.raises(KeyboardInterrupt):
            move_rows(Breaking(source._database, source._read), target, tell=lambda _: None)
        target.rollback()
        told: list[str] = []
        move_rows(source, target, tell=told.append)

    assert rows_of(target) == rows_of(connection)
    assert not [line for line in told if line.startswith("users.Namespace")]


def test_rows_of_others_are_not_taken_away(target: BaseDatabaseWrapper) -> None:
    with snapshot() as source:
        move_rows(source, target, tell=lambda _: None)

    with pytest.raises(MoveRefused):
        make_ready(target)


def test_every_table_comes_after_those_that_it_points_at() -> None:
    chosen = tables(without=frozenset())
    places = {table.model: place for place, table in enumerate(chosen)}

    late = [
        (table.name, field.name)
        for table in chosen
        for field in table.fields
        if field.related_model not in {None, table.model}
        and places[field.related_model] > places[table.model]
    ]
    assert late == []

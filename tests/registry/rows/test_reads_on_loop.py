"""Statements that run on an event loop read what Django's connection would."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from registry.repositories.models import Repository
from registry.rows import statements


@given(
    st.datetimes(
        min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - as Hypothesis takes it
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    )
)
def test_a_moment_is_written_as_django_writes_it(moment: datetime) -> None:
    assert statements._adapted(moment) == connection.ops.adapt_datetimefield_value(moment)


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

"""What was answered is answered again, and not for longer than it is true."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.statements import (
    LoopReader,
    each_time,
    holding,
    holds_until,
    read_on_loop,
    rows,
)
from config.front_door.memory import Memory, RequestKey
from tests.asgi import scope

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HALF = timedelta(seconds=0.5)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE things (name TEXT)")
    yield connection
    connection.close()


@pytest.fixture
def reader(database: sqlite3.Connection, tmp_path: Path) -> Iterator[LoopReader]:
    with read_on_loop(tmp_path / "db") as reader:
        yield reader


@pytest.fixture
def memory(reader: LoopReader) -> Memory:
    memory = Memory()
    memory.look(reader.version)
    return memory


def keep(memory: Memory, reader: LoopReader, *, end: datetime | None = None) -> None:
    with holding() as held:
        if end:
            holds_until(end, now=NOW)
    memory.keep("key", "value", held, now=NOW)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def test_what_was_kept_is_given_again(
    memory: Memory, reader: LoopReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(memory, reader)
    at(monkeypatch, NOW + HALF)

    assert memory.again("key") == "value"


@pytest.mark.parametrize("end", [NOW + HALF, NOW + timedelta(hours=1), NOW - HALF, None])
def test_nothing_is_given_again_after_its_end_or_a_second(
    memory: Memory, reader: LoopReader, monkeypatch: pytest.MonkeyPatch, end: datetime | None
) -> None:
    keep(memory, reader, end=end)
    at(monkeypatch, NOW + (HALF if end == NOW + HALF else 2 * HALF))

    assert memory.again("key") is None


def test_what_ends_sooner_than_another_part_ends_all(
    memory: Memory, reader: LoopReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holding() as held:
        holds_until(NOW + HALF, now=NOW)
        holds_until(NOW + 10 * HALF, now=NOW)
    memory.keep("key", "value", held, now=NOW)
    at(monkeypatch, NOW + HALF)

    assert memory.again("key") is None


def test_a_commit_of_anybody_makes_it_forget(
    memory: Memory, reader: LoopReader, database: sqlite3.Connection
) -> None:
    keep(memory, reader)
    database.execute("INSERT INTO things VALUES ('one')")
    memory.look(reader.version)

    assert memory.again("key") is None


def test_rows_that_nobody_says_the_end_of_are_read_again(
    memory: Memory, reader: LoopReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holding() as held:
        rows("SELECT name FROM things", [])
    memory.keep("key", "value", held, now=NOW)
    at(monkeypatch, NOW)

    assert memory.again("key") is None


def test_what_is_done_for_each_request_is_done_again(
    memory: Memory, reader: LoopReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[datetime] = []
    with holding() as held:
        each_time(done.append)
    memory.keep("key", "value", held, now=NOW)
    at(monkeypatch, NOW + HALF)
    memory.again("key")

    assert done == [NOW + HALF]


def test_it_has_a_bound(memory: Memory, reader: LoopReader) -> None:
    with holding() as held:
        pass
    for number in range(10_000):
        memory.keep(number, "value", held, now=NOW, size_bytes=60_000)

    assert len(memory._entries) < 200


HEADERS = [("host", "berth.example"), ("authorization", "Bearer a"), ("accept", "*/*")]
OTHER_TOKEN = [HEADERS[0], ("authorization", "Bearer b"), HEADERS[2]]


def asked(*headers: tuple[str, str]) -> RequestKey | None:
    about: dict[str, Any] = scope("GET", "/v2/acme/web/manifests/v1")
    about["headers"] = [(name.encode(), value.encode()) for name, value in headers]
    return RequestKey.of(about)


def halves(*headers: tuple[str, str]) -> tuple[Any, Any]:
    found = asked(*headers)
    return (found.caller, found.what) if found else (None, None)


def test_two_tokens_ask_for_the_same() -> None:
    (one, what), (other, also_what) = halves(*HEADERS), halves(*OTHER_TOKEN)

    assert (one == other, what == also_what) == (False, True)


def test_who_accepts_something_else_asks_for_something_else() -> None:
    (one, what), (other, also_what) = halves(*HEADERS), halves(*HEADERS[:2], ("accept", "*"))

    assert (one == other, what == also_what) == (True, False)


@pytest.mark.parametrize("name", ["host", "authorization"])
def test_who_says_twice_who_asks_is_remembered_by_nobody(name: str) -> None:
    assert asked(*HEADERS, (name, "another")) is None


def test_names_for_the_log_make_no_other_request() -> None:
    assert asked(*HEADERS) == asked(*HEADERS, ("x-request-id", "abc"))

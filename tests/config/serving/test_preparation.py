"""Several machines that start at once on one PostgreSQL. A data folder with SQLite has one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.serving import preparation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def another() -> "Another":
    return Another()


class Another(Thread):
    """Another machine, which prepares the database until it is told to end."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = Event()
        self.may_end = Event()

    def run(self) -> None:
        with preparation.alone():
            self.has_begun.set()
            self.may_end.wait(10)
        connection.close()

    def __enter__(self) -> None:
        self.start()
        assert self.has_begun.wait(10)

    def __exit__(self, *_: object) -> None:
        self.may_end.set()
        self.join()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Another machine that waits for its turn meanwhile, and has it afterwards."""
        with preparation.alone():
            self.start()
            yield
            assert not self.has_begun.is_set()
        assert self.has_begun.wait(10)
        self.may_end.set()
        self.join()


def test_a_second_one_is_told_when_the_first_takes_too_long(
    another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "_TURN_SECONDS", 1)

    with another, pytest.raises(CommandError, match="Another Berth has been preparing"):
        call_command("migrate", verbosity=0)


def test_an_index_beside_its_writers_is_made_while_a_second_one_waits(another: Another) -> None:
    with another.waiting(), connection.cursor() as cursor:
        time.sleep(0.5)  # it has asked for its turn in vain
        cursor.execute("SET statement_timeout = '10s'")
        try:
            cursor.execute("CREATE INDEX CONCURRENTLY of_a_test ON audit_auditevent (target)")
        finally:
            cursor.execute("DROP INDEX IF EXISTS of_a_test")
            cursor.execute("RESET statement_timeout")


def test_a_second_one_goes_on_when_the_first_has_ended(another: Another) -> None:
    with another:
        pass

    call_command("migrate", verbosity=0)

"""Periodic jobs are sent by one process at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from django.db import DatabaseError

from config.serving import timetable
from config.serving.timetable import LASTING, Timetable
from registry.gc.models import Turn

pytestmark = pytest.mark.django_db

SOON = timedelta(seconds=15)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Sender:
    """In the place of Celery's service."""

    running = 0

    def __init__(self, app: Celery, *, thread: bool) -> None:
        pass

    def start(self) -> None:
        Sender.running += 1

    def stop(self) -> None:
        Sender.running -= 1


class Elsewhere:
    """In the place of the connection: a database that several machines share."""

    vendor = "postgresql"

    def close(self) -> None:
        """The test goes on with its own."""


@pytest.fixture(autouse=True)
def _several_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    Sender.running = 0
    monkeypatch.setattr(timetable, "EmbeddedService", Sender)
    monkeypatch.setattr(timetable, "connection", Elsewhere())


@pytest.fixture
def first() -> Timetable:
    return Timetable(Celery(set_as_current=False))


@pytest.fixture
def second() -> Timetable:
    return Timetable(Celery(set_as_current=False))


def test_one_of_two_sends(first: Timetable, second: Timetable) -> None:
    first._look(NOON)
    second._look(NOON)

    assert Sender.running == 1


def test_who_sends_goes_on_sending(first: Timetable, second: Timetable) -> None:
    for looks in range(20):
        for one in (first, second):
            one._look(NOON + looks * SOON)

    assert first._service is not None
    assert second._service is None


def test_another_sends_when_the_first_is_gone(first: Timetable, second: Timetable) -> None:
    first._look(NOON)

    second._look(NOON + LASTING)

    assert second._service is not None


def test_who_lost_the_turn_ends_sending(first: Timetable, second: Timetable) -> None:
    first._look(NOON)
    second._look(NOON + LASTING)

    first._look(NOON + LASTING + SOON)

    assert (first._service, Sender.running) == (None, 1)


def test_without_a_database_nobody_sends_for_longer_than_a_turn(
    first: Timetable, monkeypatch: pytest.MonkeyPatch
) -> None:
    first._look(NOON)

    def refuse(*_: Any, **__: Any) -> bool:
        raise DatabaseError("gone")

    monkeypatch.setattr(timetable, "keep_turn", refuse)
    first._look(NOON + SOON)
    assert Sender.running == 1

    first._look(NOON + LASTING)
    assert Sender.running == 0


def test_who_ends_gives_the_turn_back(first: Timetable) -> None:
    first._look(NOON)
    first.end()

    first.run()

    assert Turn.objects.get(pk="timetable").held_until == NOON

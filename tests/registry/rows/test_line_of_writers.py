"""Writers of SQLite take turns in the order in which they came."""

import subprocess
import sys
import time
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from registry.repositories.models import Repository
from registry.rows.sqlite.line import Line, TurnTimeout
from tests.registry.builders import make_repository
from tests.threads import Aside, at_once

SECONDS = 30

_HOLDER = """
import sys, time
from pathlib import Path
from registry.rows.sqlite.line import Line
line = Line(Path(sys.argv[1]))
line.begin(30)
print("begun", flush=True)
time.sleep(float(sys.argv[2]))
line.end()
"""


def holder(file: Path, *, seconds: float) -> subprocess.Popen[str]:
    """Another process whose turn it is."""
    command = [sys.executable, "-c", _HOLDER, str(file), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    return process


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=SECONDS)


@pytest.fixture(params=["threads", "processes"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Line:
    return Line(tmp_path / "line" if request.param == "processes" else None)


def test_threads_are_called_in_the_order_in_which_they_came(line: Line) -> None:
    called: list[int] = []

    def take_turn(number: int) -> None:
        line.begin(SECONDS)
        called.append(number)
        line.end()

    line.begin(SECONDS)
    threads = [Thread(target=take_turn, args=[number]) for number in range(8)]
    for count, thread in enumerate(threads, 1):
        thread.start()
        while len(line._waiting) < count:
            time.sleep(0.001)
    line.end()
    for thread in threads:
        thread.join(SECONDS)

    assert called == list(range(8))


def test_one_at_a_time_has_its_turn(line: Line) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(50):
            line.begin(SECONDS)
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            line.end()

    at_once(*[work] * 6)

    assert max(most) == 1


def test_who_waited_too_long_is_told_so_and_leaves_the_line(line: Line) -> None:
    line.begin(SECONDS)
    with pytest.raises(TurnTimeout):
        line.begin(0.01)
    line.end()

    line.begin(0)  # nobody is before us


def test_processes_wait_for_one_another(tmp_path: Path) -> None:
    other = holder(tmp_path / "line", seconds=SECONDS)
    try:
        with pytest.raises(TurnTimeout):
            Line(tmp_path / "line").begin(0.05)
    finally:
        ended(other)


def test_a_process_that_dies_gives_its_turn_back(tmp_path: Path) -> None:
    ended(holder(tmp_path / "line", seconds=SECONDS))

    Line(tmp_path / "line").begin(0)


def test_who_gives_a_turn_back_does_not_pass_a_process_that_waits(tmp_path: Path) -> None:
    line = Line(tmp_path / "line")
    line.begin(SECONDS)
    other = subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path / "line"), "0.5"])
    try:
        while line._processes and line._processes._is_given(0):  # until the other one waits
            line._processes._give_back(0)
            time.sleep(0.001)
        line.end()
        with pytest.raises(TurnTimeout):
            line.begin(0.1)
    finally:
        other.kill()
        other.wait(SECONDS)


@pytest.mark.only_sqlite
@pytest.mark.django_db(transaction=True)
def test_a_writer_waits_while_another_transaction_is_open() -> None:
    repository = make_repository("acme/web")

    def describe() -> None:
        Repository.objects.filter(pk=repository.pk).update(description="later")

    with transaction.atomic():
        aside = Aside(describe)
        assert aside.waits()
        Repository.objects.filter(pk=repository.pk).update(description="first")
    aside.result()

    repository.refresh_from_db()
    assert repository.description == "later"


@pytest.mark.only_sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["rollback", "close"])
def test_a_transaction_that_fails_lets_the_next_one_go(how: str) -> None:
    def fail() -> None:
        with transaction.atomic():
            if how == "close":
                connection.close()
            raise ZeroDivisionError

    assert isinstance(Aside(fail).result(), ZeroDivisionError)
    assert make_repository("acme/web").pk


@pytest.mark.only_sqlite
@pytest.mark.django_db(transaction=True)
def test_a_writer_that_waits_too_long_is_told_that_the_database_is_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def begin() -> None:
        with transaction.atomic():
            raise AssertionError("it has no turn")

    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    with transaction.atomic():
        told = Aside(begin).result()

    assert isinstance(told, OperationalError)


@pytest.mark.only_sqlite
@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_all_come_to_an_end() -> None:
    repository = make_repository("acme/web")
    barrier = Barrier(8)

    def write() -> Any:
        barrier.wait(SECONDS)
        for _ in range(10):
            with transaction.atomic():
                found = Repository.objects.get(pk=repository.pk)
                found.description += "x"
                found.save()

    at_once(*[write] * 8)

    repository.refresh_from_db()
    assert repository.description == "x" * 80

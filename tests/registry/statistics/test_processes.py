"""Which processes are taken for alive."""

import os
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from registry.statistics.gauges import Readings
from registry.statistics.models import RIGHT_CLOCK_SECONDS, ServerProcess
from registry.statistics.processes import (
    GONE_AFTER,
    Presence,
    are_any_alive,
    clock_ahead,
    note_alive,
)

pytestmark = pytest.mark.django_db

NOW = timezone.now()
HERE = socket.gethostname()


def say(name: str, *, ago: timedelta = timedelta()) -> None:
    ServerProcess.objects.create(
        name=name, kind="web", version="1", started_at=NOW, seen_at=NOW - ago, uploads=0
    )


def test_a_process_of_this_machine_that_is_there_is_alive() -> None:
    say(f"{HERE}:{os.getpid()}")

    assert are_any_alive(now=NOW)


def test_a_process_of_another_machine_that_said_so_is_alive() -> None:
    say("elsewhere.example:1")

    assert are_any_alive(now=NOW)


def test_a_process_that_was_ended_with_force_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    say(f"{HERE}:{ended.pid}")

    assert not are_any_alive(now=NOW)


def test_a_process_that_is_silent_for_long_is_not_alive() -> None:
    say("elsewhere.example:1", ago=GONE_AFTER + timedelta(seconds=1))

    assert not are_any_alive(now=NOW)


def test_a_process_says_how_far_its_clock_is_ahead_and_is_seen_by_the_databases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ahead = timedelta(minutes=3)
    monkeypatch.setattr("registry.statistics.processes.clock_ahead", lambda: ahead)

    note_alive(Presence("host:1", "jobs", "0.1.0", NOW), now=NOW + ahead)

    (row,) = ServerProcess.objects.all()
    assert (row.clock_ahead_seconds, row.seen_at) == (180.0, NOW)


def test_the_clock_that_is_farthest_off_is_told_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, seconds in enumerate((1.0, -30.0, 2.0)):
        ahead = timedelta(seconds=seconds)
        monkeypatch.setattr("registry.statistics.processes.clock_ahead", lambda ahead=ahead: ahead)
        note_alive(Presence(f"host:{number}", "jobs", "0.1.0", NOW), now=NOW)

    found = {reading.name: reading.values for reading in Readings().current(now=NOW)}

    assert found["berth_process_clock_skew_seconds"] == {("jobs",): -30.0}


def test_the_clock_of_this_machine_is_that_of_a_database_here() -> None:
    assert abs(clock_ahead()) < timedelta(seconds=RIGHT_CLOCK_SECONDS)

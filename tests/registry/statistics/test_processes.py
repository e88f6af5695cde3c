"""Which processes are taken for alive."""

import os
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from registry.statistics.models import ServerProcess
from registry.statistics.processes import GONE_AFTER, are_any_alive

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

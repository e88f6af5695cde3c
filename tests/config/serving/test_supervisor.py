"""The supervisor, on small processes that only sleep or fail."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live import ROOT, session_pids

SLEEPER = "import time; time.sleep(60)"
# A child that has a child, as the web server has workers.
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"

SCRIPT = """
import sys
from functools import partial
from config.serving.supervisor import Supervisor

works = {{name: partial(exec, code, {{}}) for name, code in {children!r}.items()}}
ready = lambda: {is_ready}
supervisor = Supervisor(
    works,
    is_ready=ready,
    on_ready=lambda: print("ready", flush=True),
    on_stop=lambda: {drain_seconds},
)
sys.exit(supervisor.run())
"""


@contextmanager
def supervisor(
    children: dict[str, str], *, is_ready: bool = True, drain_seconds: float = 0
) -> Iterator[subprocess.Popen[str]]:
    script = SCRIPT.format(children=children, is_ready=is_ready, drain_seconds=drain_seconds)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            for pid in session_pids(process.pid):
                os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children_of(process: subprocess.Popen[str]) -> list[int]:
    return session_pids(process.pid)[1:]


def test_a_child_that_dies_is_started_again() -> None:
    with supervisor({"web": SLEEPER}) as process:
        wait_until(lambda: len(children_of(process)) == 1)
        (first,) = children_of(process)
        os.kill(first, signal.SIGKILL)

        wait_until(lambda: children_of(process) not in ([], [first]))


def test_what_a_dead_child_had_started_is_ended_before_it_is_started_again() -> None:
    with supervisor({"web": PARENT}) as process:
        wait_until(lambda: len(children_of(process)) == 2)
        before = children_of(process)
        os.kill(before[0], signal.SIGKILL)

        wait_until(lambda: len(set(children_of(process)) - set(before)) == 2)
        assert not set(before) & set(session_pids(process.pid))


def test_ctrl_c_ends_all() -> None:
    with supervisor({"web": SLEEPER, "jobs": SLEEPER}) as process:
        wait_until(lambda: len(children_of(process)) == 2)
        process.send_signal(signal.SIGINT)

        assert process.wait(30) == 0
        assert session_pids(process.pid) == []


def test_after_sigterm_all_go_on_as_long_as_they_are_told_to() -> None:
    with supervisor({"web": SLEEPER}, drain_seconds=1.5) as process:
        wait_until(lambda: len(children_of(process)) == 1)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        time.sleep(1)

        assert len(children_of(process)) == 1
        assert process.wait(30) == 0


def test_a_second_sigterm_ends_the_waiting() -> None:
    with supervisor({"web": SLEEPER}, drain_seconds=600) as process:
        wait_until(lambda: len(children_of(process)) == 1)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        time.sleep(0.5)
        process.terminate()

        assert process.wait(30) == 0


def test_ctrl_c_waits_for_nobody() -> None:
    with supervisor({"web": SLEEPER}, drain_seconds=600) as process:
        wait_until(lambda: len(children_of(process)) == 1)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)

        assert process.wait(30) == 0


def test_killing_the_supervisor_leaves_nothing() -> None:
    with supervisor({"web": SLEEPER, "jobs": SLEEPER}) as process:
        wait_until(lambda: len(children_of(process)) == 2)
        process.kill()

        wait_until(lambda: session_pids(process.pid) == [])


def test_a_child_that_never_works_ends_the_start_with_a_sentence() -> None:
    with supervisor({"web": "raise SystemExit(3)"}, is_ready=False) as process:
        _, words = process.communicate(timeout=30)

        assert process.returncode == 1
        assert words.splitlines()[-1] == "Berth cannot start: web ended 3 times."


def test_the_others_wait_until_the_first_is_ready(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with supervisor({"web": SLEEPER, "jobs": f"open({str(flag)!r}, 'w')"}, is_ready=False) as it:
        wait_until(lambda: len(children_of(it)) == 1)
        time.sleep(0.5)

        assert not flag.exists()

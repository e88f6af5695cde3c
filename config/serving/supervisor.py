"""Keeps a few processes running, and takes all of them along when it ends.

They are forks: what this process has loaded is in memory once, whoever uses it. Linux ends the
children even when this process is killed: each asks for it before it starts.
"""

import ctypes
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType

_LOOK_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 30.0
_STABLE_SECONDS = 10.0  # a process that lived this long is started again without delay
_ATTEMPTS_BEFORE_READY = 3
_STOP_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_STOPS = (signal.SIGTERM, signal.SIGINT)
_OPEN_FILES = Path("/proc/self/fd")
_fork = multiprocessing.get_context("fork")

Work = Callable[[], object]


@dataclass(slots=True)
class Child:
    """One process, and when it is to be started again after it ended."""

    name: str
    work: Work
    kept: socket.socket | None = None  # of what is open here
    process: ForkProcess | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0  # in a row


class Supervisor:
    """Runs processes side by side until told to stop by SIGTERM or SIGINT.

    The first starts alone, to have the whole machine until it is ready. This process must have
    one thread and no open connection, since the others begin as copies of it.
    """

    def __init__(
        self,
        works: Mapping[str, Work],
        *,
        is_ready: Callable[[], bool],
        on_ready: Callable[[], None],
        on_stop: Callable[[], float] = lambda: 0.0,
        listener: socket.socket | None = None,
        listening: Collection[str] = (),
    ) -> None:
        """``on_stop`` is asked how many seconds all go on after SIGTERM.

        Args:
            listener: stays open in the processes that are ``listening``. Here it is closed before
                they are told to stop: nobody's connection waits where it is never taken.
        """
        self.listener = listener
        self.children = [
            Child(name, work, listener if name in listening else None)
            for name, work in works.items()
        ]
        self.is_ready = is_ready
        self.on_ready = on_ready
        self.on_stop = on_stop
        self.was_ready = False
        self.stop_requests = 0
        self.stopped_by = 0

    def run(self) -> int:
        """Supervise; return the exit status: 0 when asked to stop, 1 when it never worked."""
        for number in _STOPS:
            signal.signal(number, self._request_stop)
        try:
            while not self.stop_requests:
                for child in self.children if self.was_ready else self.children[:1]:
                    self._look_after(child)
                    if not self.was_ready and child.failures >= _ATTEMPTS_BEFORE_READY:
                        _say(f"Berth cannot start: {child.name} ended {child.failures} times.")
                        return 1
                if not self.was_ready and self.is_ready():
                    self.was_ready = True
                    self.on_ready()
                time.sleep(_LOOK_SECONDS)
            self._drain()
            return 0
        finally:
            self._stop_all()

    def _request_stop(self, number: int, _frame: FrameType | None) -> None:
        self.stop_requests += 1
        self.stopped_by = number

    def _drain(self) -> None:
        """Go on for a while. Whoever presses Ctrl-C, or asks once more, does not want to wait."""
        if self.stopped_by != signal.SIGTERM or not self.was_ready:
            return
        deadline = time.monotonic() + self.on_stop()
        while self.stop_requests < 2 and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                child.process = _start(child)
                child.started_at = now
            return
        if (status := child.process.exitcode) is None:
            return
        _kill_group(child.process)  # what it started itself
        child.process = None
        child.failures = 1 if now - child.started_at > _STABLE_SECONDS else child.failures + 1
        delay = min(0.25 * 2 ** (child.failures - 1), _LONGEST_DELAY_SECONDS)
        child.start_at = now + delay
        _say(f"{child.name} ended ({_ending(status)}); starting it again in {delay:g} s.")

    def _stop_all(self) -> None:
        """Ask all to finish what they are doing; a second request, or a long wait, kills them."""
        if self.listener:
            self.listener.close()
        running = [child.process for child in self.children if child.process]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        while self.stop_requests < 2 and time.monotonic() < deadline:
            if all(process.exitcode is not None for process in running):
                break
            time.sleep(_LOOK_SECONDS)
        for process in running:
            _kill_group(process)
            process.join()


def die_with_parent() -> None:
    """Ask Linux to send this process SIGTERM when the process that started it ends."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _start(child: Child) -> ForkProcess:
    """A process in a group of its own: Ctrl-C in a terminal reaches only us, and we stop the
    others in order.
    """
    # A signal in between would be counted by a copy of us.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        process = _fork.Process(target=_become, args=(child, os.getpid(), _open_files()))
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    with suppress(OSError):  # it was quicker, or has ended
        os.setpgid(_pid(process), 0)
    return process


def _become(child: Child, parent: int, open_files: list[int]) -> None:
    """Do the work of a child, in the process that was forked for it."""
    with suppress(OSError):
        os.setpgid(0, 0)
    die_with_parent()
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)
    _take_name(f"berth-{child.name}")
    for number in open_files:  # such as the lock of the data folder, which is our parent's
        if child.kept is None or number != child.kept.fileno():
            with suppress(OSError):
                os.close(number)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    child.work()


def _open_files() -> list[int]:
    """Numbers of the files that are open beside the standard ones."""
    if not _OPEN_FILES.is_dir():
        return []
    numbers = (int(path.name) for path in _OPEN_FILES.iterdir())
    return [number for number in numbers if number > 2]


def _take_name(name: str) -> None:
    """What ``ps`` and ``top`` call this process, at most 15 bytes."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_NAME, name.encode())


def _pid(process: ForkProcess) -> int:
    assert process.pid is not None  # noqa: S101 - it was started
    return process.pid


def _kill_group(process: ForkProcess) -> None:
    with suppress(ProcessLookupError):
        os.killpg(_pid(process), signal.SIGKILL)


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

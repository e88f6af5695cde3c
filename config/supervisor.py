"""Keeps a few processes running, and takes all of them along when it ends.

Linux ends the children even when this process is killed: each asks for it before it starts.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

_LOOK_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 30.0
_STABLE_SECONDS = 10.0  # a process that lived this long is started again without delay
_ATTEMPTS_BEFORE_READY = 3
_STOP_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """One process, and when it is to be started again after it ended."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0  # in a row


class Supervisor:
    """Runs commands side by side until told to stop by SIGTERM or SIGINT.

    The first command starts alone, to have the whole machine until it is ready.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        *,
        is_ready: Callable[[], bool],
        on_ready: Callable[[], None],
    ) -> None:
        self.children = [Child(name, command) for name, command in commands.items()]
        self.is_ready = is_ready
        self.on_ready = on_ready
        self.was_ready = False
        self.stop_requests = 0

    def run(self) -> int:
        """Supervise; return the exit status: 0 when asked to stop, 1 when it never worked."""
        for number in (signal.SIGTERM, signal.SIGINT):
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
            return 0
        finally:
            self._stop_all()

    def _request_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stop_requests += 1

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                child.process = _start(child.command)
                child.started_at = now
            return
        if (status := child.process.poll()) is None:
            return
        _kill_group(child.process)  # what it started itself, such as web workers
        child.process = None
        child.failures = 1 if now - child.started_at > _STABLE_SECONDS else child.failures + 1
        delay = min(0.25 * 2 ** (child.failures - 1), _LONGEST_DELAY_SECONDS)
        child.start_at = now + delay
        _say(f"{child.name} ended ({_ending(status)}); starting it again in {delay:g} s.")

    def _stop_all(self) -> None:
        """Ask all to finish what they are doing; a second request, or a long wait, kills them."""
        running = [child.process for child in self.children if child.process]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        while self.stop_requests < 2 and time.monotonic() < deadline:
            if all(process.poll() is not None for process in running):
                break
            time.sleep(_LOOK_SECONDS)
        for process in running:
            _kill_group(process)
            process.wait()


def die_with_parent() -> None:
    """Ask Linux to send this process SIGTERM when the process that started it ends."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def before_exec() -> None:
        die_with_parent()
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    # A group of its own: Ctrl-C in a terminal reaches only us, and we stop the others in order.
    return subprocess.Popen(  # noqa: S603 - our own commands
        command,
        preexec_fn=before_exec,  # noqa: PLW1509 - this process has one thread
        process_group=0,
        stdin=subprocess.DEVNULL,
    )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

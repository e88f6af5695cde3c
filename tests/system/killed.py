"""A registry whose web server is killed and started again on the same data."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.live import ROOT, copy_prepared_folder, free_port, server_environment

_START_SECONDS = 30


@dataclass(slots=True)
class Killed:
    """``start`` and ``kill``, as often as wanted. The address stays the same."""

    host: str
    environment: dict[str, str]
    _starter: subprocess.Popen[str]
    _group: int = field(default=0)

    def start(self) -> None:
        print(self.host.rpartition(":")[2], file=_open(self._starter.stdin), flush=True)
        self._group = int(_open(self._starter.stdout).readline())
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self.host):
            assert time.monotonic() < deadline, "the web server did not start"
            time.sleep(0.01)

    def kill(self) -> None:
        os.killpg(self._group, signal.SIGKILL)
        while _answers(self.host):
            time.sleep(0.01)

    def manage(self, *args: str, stdin: str = "") -> None:
        subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            text=True,
            check=True,
            capture_output=True,
            timeout=120,
        )


@contextmanager
def killed_again_and_again(data: Path) -> Iterator[Killed]:
    """A registry on a new folder. The web server does not run yet."""
    copy_prepared_folder(data)
    environment = server_environment(data)
    starter = subprocess.Popen(
        [sys.executable, "-m", "tests.system.forked_web"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    server = Killed(f"127.0.0.1:{free_port()}", environment, starter)
    try:
        yield server
    finally:
        if server._group:
            _kill_group(server._group)
        starter.kill()
        starter.communicate(timeout=30)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _answers(host: str) -> bool:
    connection = http.client.HTTPConnection(host, timeout=_START_SECONDS)
    try:
        connection.request("GET", "/v2/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True

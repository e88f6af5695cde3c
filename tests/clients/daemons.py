"""Daemons that some clients are made of: started on a socket of their own, ended with the test."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.run import Home, find_client

START_SECONDS = 20
STOP_SECONDS = 20


@contextmanager
def running(command: list[str], home: Home, socket: Path) -> Iterator[None]:
    """The daemon, ready once its socket is there; raises ``RuntimeError`` if it never is."""
    log = home.folder / "daemon.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=home.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_for(socket, process, log)
        yield
    finally:
        _stop(process)


def why_it_cannot_start(command: Callable[[Path], list[str]]) -> str:
    """Try it: the last thing a daemon says on this machine, or nothing when it starts."""
    with tempfile.TemporaryDirectory(prefix="berth-", ignore_cleanup_errors=True) as folder:
        home = Home(Path(folder))
        try:
            with running(command(home.folder), home, home.folder / "socket"):
                return ""
        except RuntimeError as error:
            return str(error)


def dockerd_command(folder: Path) -> list[str]:
    """A daemon that touches neither the network's rules nor anything outside the folder."""
    return [
        find_client("dockerd") or "dockerd",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/pid",
        f"--host=unix://{folder}/socket",
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
        "--storage-driver=vfs",
    ]


def containerd_command(folder: Path) -> list[str]:
    """A daemon without Kubernetes, with state and socket in the folder."""
    config = folder / "containerd.toml"
    config.write_text(
        f'version = 2\nroot = "{folder}/data"\nstate = "{folder}/state"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\naddress = "{folder}/socket"\n'
    )
    return [find_client("containerd") or "containerd", f"--config={config}"]


def _wait_for(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(_last_line(log))
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the daemon; if it does not want to, all of its session."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"

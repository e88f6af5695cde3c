"""Runs a command with a PostgreSQL of its own: ``python -m tests.private_postgres COMMAND``.

The cluster is made from the installed server in a temporary folder, listens on a Unix socket
there, and is gone when the command ends.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_USER = "berth"
_SETTINGS = {"listen_addresses": "", "max_connections": "300", "timezone": "UTC"}
# Nothing outlives a run of tests, so nothing needs to reach the disk.
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresMissing(Exception):
    """There is no PostgreSQL server to run."""


def main() -> int:
    try:
        programs = installed_programs()
    except PostgresMissing as missing:
        print(f"SKIPPED all tests with PostgreSQL: {missing}", file=sys.stderr)
        return 1 if os.environ.get("BERTH_REQUIRE_ALL") == "1" else 0
    with private_cluster(programs) as uri:
        # Ctrl-C reaches the command too; we stay to take the cluster away.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.call(sys.argv[1:], env={**os.environ, "BERTH_DB_URI": uri})


@contextmanager
def private_cluster(programs: Path, *, is_durable: bool = False) -> Iterator[str]:
    """Start a cluster, and yield the URI of its first database."""
    settings = _SETTINGS if is_durable else _SETTINGS | _NOT_DURABLE
    folder = Path(tempfile.mkdtemp(prefix="berth-pg-"))
    try:
        with _running(programs, folder, settings, stopping="immediate") as uri:
            yield uri
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_cluster(programs: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """As ``private_cluster``, in a folder that stays, and is used again if it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    all_settings = {**_SETTINGS, **_NOT_DURABLE, **settings}
    with _running(programs, folder, all_settings, stopping="fast") as uri:
        yield uri


@contextmanager
def _running(
    programs: Path, folder: Path, settings: Mapping[str, str], *, stopping: str
) -> Iterator[str]:
    data = folder / "cluster"
    if not data.exists():
        if os.geteuid() == 0:
            shutil.chown(folder, _unprivileged())
        _run(
            programs / "initdb", "--pgdata", data, "--username", _USER, "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        )  # fmt: skip
    options = " ".join(f"-c {name}={value!r}" for name, value in settings.items())
    server = (programs / "pg_ctl", "--pgdata", data, "--silent", "--wait")
    _run(*server, "--log", folder / "log", "--options", f"-k {folder} {options}", "start")
    try:
        yield f"postgresql://{_USER}@/postgres?host={folder}"
    finally:
        _run(*server, "--mode", stopping, "stop")


@contextmanager
def outage(uri: str) -> Iterator[None]:
    """Meanwhile a private cluster is not there. Its connections break."""
    folder = Path(uri.rpartition("host=")[2])
    server = (installed_programs() / "pg_ctl", "--pgdata", folder / "cluster", "--silent", "--wait")
    # The arguments of the first start, each in quotes behind the program itself.
    options = (folder / "cluster" / "postmaster.opts").read_text().strip()
    own = options.partition('"-k"')
    _run(*server, "--mode", "immediate", "stop")
    try:
        yield
    finally:
        _run(*server, "--log", folder / "log", "--options", f"{own[1]}{own[2]}", "start")


@contextmanager
def frozen(uri: str) -> Iterator[None]:
    """Meanwhile a private cluster says nothing. Its connections stay."""
    leader = main_process(uri)
    children = Path(f"/proc/{leader}/task/{leader}/children")
    os.kill(leader, signal.SIGSTOP)  # so that no child comes meanwhile
    pids = [leader, *map(int, children.read_text().split())]
    try:
        for pid in pids[1:]:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def main_process(uri: str) -> int:
    """The process that all others of a private cluster are children of."""
    folder = Path(uri.rpartition("host=")[2])
    return int((folder / "cluster" / "postmaster.pid").read_text().split()[0])


def installed_programs() -> Path:
    """The folder of the newest installed server."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda path: float(path.parent.parent.name), default=None)
    if newest is None:
        on_path = shutil.which("initdb")
        if on_path is None:
            raise PostgresMissing("no server is installed (Debian: apt-get install postgresql)")
        newest = Path(on_path)
    return newest.parent


def _run(*command: str | Path) -> None:
    """Run one of the server's programs, which refuse to work for root."""
    arguments = [str(part) for part in command]
    user = _unprivileged() if os.geteuid() == 0 else None
    done = subprocess.run(
        arguments, user=user, group=None, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, check=False, cwd="/",
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr}")


def _unprivileged() -> str:
    known = Path("/etc/passwd").read_text().splitlines()
    return "postgres" if any(line.startswith("postgres:") for line in known) else "nobody"


if __name__ == "__main__":
    sys.exit(main())

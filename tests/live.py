"""A running Berth for tests: the same processes that ``make serve`` starts."""

import http.client
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zlib import crc32

import psycopg
from psycopg import sql

from tests.template import locked_run

ROOT = Path(__file__).resolve().parent.parent
ADMIN_PASSWORD = "correct-horse-battery-staple"
# What tests/settings.py and pytest say to this process is not meant for a server.
_OF_THIS_PROCESS = frozenset({"BERTH_SECRET_KEY", "BERTH_TEST_RUN", "DJANGO_SETTINGS_MODULE"})
# All that `manage.py serve` does before it becomes the supervisor.
_PREPARE = """
import os
import django
django.setup()
from django.utils import timezone
from config.serving.preparation import prepare
from config.serving.processes import Options
password = os.environ["BERTH_ADMIN_PASSWORD"]
prepare(Options.read(os.environ), admin_password=password, now=timezone.now())
"""
# For servers to which tests speak as a proxy on this machine does.
BEHIND_A_PROXY = {"BERTH_TRUSTED_PROXIES": '["127.0.0.0/8", "::1/128"]'}
_START_SECONDS = 120
_PORTS_FROM, _BELOW_EPHEMERAL = 12_000, 32_000
_SHOWN_BYTES = 4000
_logs: list[Path] = []
_STOP_SECONDS = 60


@dataclass
class RunningServer:
    """A server on a free port of this machine, and how to talk to it."""

    url: str
    host: str
    data: Path
    ca_file: Path | None
    admin_password: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    def manage(self, *args: str, stdin: str = "") -> str:
        """Run ``manage.py`` with this server's environment; return what it wrote."""
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(args)}: {done.stderr or done.stdout}")
        return done.stdout

    def stop(self) -> None:
        """End it as Ctrl-C does, and wait until all its processes are gone."""
        self.process.terminate()
        self.process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """End all its processes at once, as a power cut does."""
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(_STOP_SECONDS)
        while self.pids():
            time.sleep(0.01)

    def pids(self) -> list[int]:
        """Every living process of the server, the supervisor first."""
        return session_pids(self.process.pid)


def start_server(
    data: Path,
    *,
    tls: bool = False,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    is_first_start: bool = False,
    only: str = "",
    root: Path = ROOT,
) -> RunningServer:
    """Start a server on ``data``, which may hold what an earlier one left.

    A new folder begins as a copy of what a first start makes, so that not every server has to:
    tables, keys, static files and the administrator. With ``is_first_start`` it begins empty.

    Returns once it answers ``GET /v2/`` with 401; by then the administrator exists.

    Args:
        root: where the code is.
    """
    if not is_first_start and not data.exists():
        copy_prepared_folder(data)
    port = port or free_port()
    variables = {
        **server_environment(data),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "TLS": "1" if tls else "0",
        **(environment or {}),
    }
    process = start_process(variables, log=log_of(data), only=only, root=root)
    host = f"localhost:{port}" if tls else f"127.0.0.1:{port}"
    server = RunningServer(
        url=f"https://{host}" if tls else f"http://{host}",
        host=host,
        data=data,
        ca_file=data / "rootCA.pem" if tls else None,
        admin_password=variables["BERTH_ADMIN_PASSWORD"],
        environment=variables,
        process=process,
    )
    _wait_until_ready(server)
    return server


def server_environment(data: Path) -> dict[str, str]:
    """Variables for a server on ``data``, with a database of its own."""
    ours = {name: value for name, value in os.environ.items() if name not in _OF_THIS_PROCESS}
    ours |= {"BERTH_DATA": str(data), "BERTH_ADMIN_PASSWORD": ADMIN_PASSWORD}
    if uri := ours.get("BERTH_DB_URI"):
        ours["BERTH_DB_URI"] = _own_database(uri, data)
    return ours


def copy_prepared_folder(data: Path) -> None:
    """Make ``data`` and its database what a first start leaves, where this is a run of tests."""
    with locked_run() as run:
        if run is None:
            return
        prepared = run / "prepared"
        variables = server_environment(prepared)
        if not prepared.exists():
            _python(_PREPARE, {**variables, "DJANGO_SETTINGS_MODULE": "config.settings"})
        shutil.copytree(prepared, data)
        if template := urlsplit(variables.get("BERTH_DB_URI", "")).path.lstrip("/"):
            _own_database(os.environ["BERTH_DB_URI"], data, template=template)


def start_process(
    variables: Mapping[str, str], *, log: Path, only: str = "", root: Path = ROOT
) -> subprocess.Popen[bytes]:
    """Start what ``make serve`` starts, or a part, in a session of its own, writing to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    _logs.append(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, root / "manage.py", "serve", *([f"--only={only}"] if only else [])],
            cwd="/",  # it finds its files all the same
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def ends_of_logs() -> list[tuple[Path, str]]:
    """What the servers of this process wrote last, for a report on a test that failed."""
    there = [log for log in dict.fromkeys(_logs) if log.exists()]
    return [(log, log.read_text(errors="replace")[-_SHOWN_BYTES:]) for log in there]


def log_of(data: Path) -> Path:
    return data.with_name(f"{data.name}.log")


def free_port() -> int:
    """A port that nobody has, and that no connection on its way out is given in a moment."""
    while True:
        number = secrets.randbelow(_BELOW_EPHEMERAL - _PORTS_FROM) + _PORTS_FROM
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", number))
            return number


def session_pids(leader: int) -> list[int]:
    """Living processes of a session, which are those of one server, the leader first."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # pid (name) state ppid pgrp session ...; a name may hold blanks and brackets.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(entry.name))
    return sorted(found, key=lambda pid: (pid != leader, pid))


def _wait_until_ready(server: RunningServer) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while _status(server) != http.client.UNAUTHORIZED:
        if server.process.poll() is not None or time.monotonic() > deadline:
            server.kill()
            raise RuntimeError(f"the server did not start:\n{log_of(server.data).read_text()}")
        time.sleep(0.05)


def _status(server: RunningServer) -> int | None:
    parts = urlsplit(server.url)
    connection = (
        http.client.HTTPSConnection(parts.netloc, timeout=5, context=_context(server))
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.netloc, timeout=5)
    )
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _context(server: RunningServer) -> ssl.SSLContext:
    exists = server.ca_file is not None and server.ca_file.exists()
    return ssl.create_default_context(cafile=str(server.ca_file) if exists else None)


def _python(program: str, variables: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)


def _own_database(uri: str, data: Path, *, template: str = "template1") -> str:
    """A database for the server on ``data``: the same one when it is started again there."""
    name = f"berth_{crc32(str(data).encode()):08x}"
    with psycopg.connect(uri, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if known.fetchone() is None:
            command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            names = sql.Identifier(name), sql.Identifier(template)
            connection.execute(command.format(*names))
    parts = urlsplit(uri)
    return parts._replace(path=f"/{name}").geturl()

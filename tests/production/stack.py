"""A registry as docs/production.md makes it: two web servers, a worker, a timetable, PostgreSQL,
Redis, S3, and nginx with TLS, each a process of this machine that a test may break."""

import http.client
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.clients.run import client
from tests.live import (
    ADMIN_PASSWORD,
    ROOT,
    RunningServer,
    free_port,
    session_pids,
    start_process,
    start_server,
)
from tests.private_postgres import installed_programs, private_cluster
from tests.production.document import HOST, documented, with_words
from tests.s3_server import S3Server, running_s3_server
from tests.system.proxies import NGINX_FILE

SECRET = "one-and-the-same-on-all-machines-of-this-registry"
_WAIT_SECONDS = 60
_FAILED_SECONDS = 6  # more than nginx's fail_timeout in the document


@dataclass(slots=True)
class Program:
    """A process that is no part of Berth."""

    command: list[str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _WAIT_SECONDS
        while not _listens(self.port):
            assert self.process.poll() is None, self.command
            assert time.monotonic() < deadline, self.command
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(_WAIT_SECONDS)
            self.process = None

    def send(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)


@dataclass(slots=True)
class Stack:
    folder: Path
    database: str
    s3: S3Server
    redis: Program
    environment: dict[str, str]
    ports: tuple[int, int]
    proxy: Program
    certificate: Path
    webs: list[RunningServer] = field(default_factory=list)
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def temporary(self) -> Path:
        """All that Berth may write on its machines: none has a data folder."""
        return self.folder / "temporary"

    @property
    def host(self) -> str:
        return f"localhost:{self.proxy.port}"

    def start_web(self, number: int, *, root: Path = ROOT) -> RunningServer:
        data = self.folder / f"web-{number}"
        # A version before may know no start without a data folder.
        own = {} if root == ROOT else {"BERTH_DATA": str(data)}
        web = start_server(
            data,
            port=self.ports[number],
            environment={**self.environment, **own},
            is_first_start=True,
            only="web",
            root=root,
        )
        self.webs[number : number + 1] = [web]
        return web

    def start_part(self, role: str) -> None:
        variables = {**self.webs[0].environment, **self.environment}
        log = self.folder / f"{role}.log"
        part = self.parts[role] = start_process(variables, log=log, only=role)
        deadline = time.monotonic() + _WAIT_SECONDS
        while f"Berth runs: {role}" not in log.read_text():
            assert part.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)

    def manage(self, *arguments: str, **variables: str) -> str:
        server = self.webs[0]
        environment = {**server.environment, **self.environment, **variables}
        server = RunningServer(**{**_fields(server), "environment": environment})
        return server.manage(*arguments)

    def is_ready(self, number: int) -> bool:
        connection = http.client.HTTPConnection(f"127.0.0.1:{self.ports[number]}", timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_until_ready(self, *numbers: int, seconds: float = _WAIT_SECONDS) -> float:
        """How long that took. Fails when it takes longer than ``seconds``."""
        began = time.monotonic()
        while not all(self.is_ready(number) for number in numbers or (0, 1)):
            assert time.monotonic() - began < seconds, "Berth did not become ready"
            time.sleep(0.1)
        return time.monotonic() - began

    def wait_until_asked(self) -> None:
        """Until both are ready, and the proxy asks again whichever had failed."""
        self.wait_until_ready()
        time.sleep(_FAILED_SECONDS)

    def restart_one_by_one(self) -> None:
        """Each web server in its turn, while the proxy asks the other."""
        for number in (0, 1):
            self.webs[number].stop()
            self.start_web(number)
            self.wait_until_asked()

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    with (
        private_cluster(installed_programs(), is_durable=True) as database,
        running_s3_server(folder / "s3") as s3,
    ):
        (folder / "temporary").mkdir(mode=0o700)
        redis = _redis(folder)
        ports = free_port(), free_port()
        proxy, certificate = _proxy(folder, ports)
        environment = {
            **_documented(proxy.port),
            **s3.environment(),
            "BERTH_DB_URI": database,
            "BERTH_BROKER_URL": f"redis://127.0.0.1:{redis.port}/0",
            "BERTH_SECRET_KEY": SECRET,
            "BERTH_DATA": "",  # nothing is kept on these machines
            "HOME": "/nonexistent",
            "TMPDIR": str(folder / "temporary"),
            "WORKERS": "1",
        }
        stack = Stack(folder, database, s3, redis, environment, ports, proxy, certificate)
        try:
            redis.start()
            stack.start_web(0)
            stack.start_web(1)
            for role in ("worker", "beat"):
                stack.start_part(role)
            proxy.start()
            yield stack
        finally:
            _end(stack)


def _end(stack: Stack) -> None:
    for web in stack.webs:
        web.kill()
    for part in stack.parts.values():
        for pid in session_pids(part.pid):
            _kill(pid)
        part.wait(_WAIT_SECONDS)
    stack.proxy.stop()
    stack.redis.stop()


def _kill(pid: int) -> None:
    subprocess.run(["kill", "-KILL", str(pid)], check=False, stderr=subprocess.DEVNULL)


def _fields(server: RunningServer) -> dict[str, Any]:
    return {name: getattr(server, name) for name in RunningServer.__dataclass_fields__}


def _documented(port: int) -> dict[str, str]:
    """The keys of config.yaml as the document has them, with names of this machine."""
    keys = yaml.safe_load(documented("yaml"))
    here = {
        "SERVER_HOSTNAME": f"localhost:{port}",
        "TRUSTED_PROXIES": ["127.0.0.1/32"],
        "DRAIN_SECONDS": 2,
    }
    assert here.keys() <= keys.keys()
    found = {f"BERTH_{key}": value for key, value in {**keys, **here}.items()}
    return {
        key: value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True)
        for key, value in found.items()
    }


def _proxy(folder: Path, ports: tuple[int, int]) -> tuple[Program, Path]:
    """nginx as the document sets it up, with a certificate of its own."""
    port = free_port()
    certificate, key = folder / "registry.crt", folder / "registry.key"
    subprocess.run(
        [
            *(client("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    words = {
        "10.0.0.11:8080": f"127.0.0.1:{ports[0]}",
        "10.0.0.12:8080": f"127.0.0.1:{ports[1]}",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
        HOST: "localhost",
        "/etc/nginx/registry.crt": str(certificate),
        "/etc/nginx/registry.key": str(key),
    }
    file = folder / "nginx.conf"
    file.write_text(NGINX_FILE.format(folder=folder, server=with_words(documented("nginx"), words)))
    arguments = ["-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)]
    return Program([client("nginx"), *arguments], port), certificate


def _redis(folder: Path) -> Program:
    port = free_port()
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    return Program([client("redis-server"), *arguments, "--appendonly", "yes"], port)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


LOGIN = ("admin", ADMIN_PASSWORD)

"""What Compose itself makes of the files, and what its health checks say of real processes."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clients.run import client
from tests.deploy.test_compose import FOLDER
from tests.live import RunningServer, free_port
from tests.private_postgres import installed_programs, private_cluster

FILES = {
    "stores of your own": "compose.yaml",
    "all on this machine": "compose.yaml:compose.stores.yaml",
    "with Prometheus": "compose.yaml:compose.stores.yaml:compose.watching.yaml",
}
BERTHS = {"migrate", "web-1", "web-2", "worker", "beat", "proxy"}
SERVICES = {
    "stores of your own": BERTHS,
    "all on this machine": BERTHS | {"postgres", "redis", "s3", "bucket"},
    "with Prometheus": BERTHS | {"postgres", "redis", "s3", "bucket", "prometheus"},
}
Composition = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As the document says: a copy with ``.env`` and the secrets that the script makes."""
    copy = tmp_path / "compose"
    shutil.copytree(FOLDER, copy)
    shutil.copy(copy / ".env.example", copy / ".env")
    subprocess.run([copy / "make_secrets"], check=True)
    return copy


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def read(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [client("compose-client"), folder],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def composition(folder: Path, name: str = "all on this machine") -> Composition:
    change(folder / ".env", FILES["all on this machine"], FILES[name])
    done = read(folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


# --- Compose ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_compose_takes_every_option(folder: Path, name: str) -> None:
    assert composition(folder, name)["services"].keys() == SERVICES[name]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("read_only: true", "readonly: true", "false schema"),
        ("stop_grace_period: 45s", "stop_grace_period: [45s]", "must be a string"),
        ("condition: service_completed_successfully", "condition: done", "condition"),
        ("- certificates:/data", "- certificate:/data", "undefined volume"),
        ("secrets: [SECRET_KEY,", "secrets: [SECRET,", "undefined secret"),
        ("networks: [outside]", "networks: [outsid]", "undefined network"),
    ],
)
def test_compose_refuses_what_it_does_not_know(
    folder: Path, old: str, new: str, reason: str
) -> None:
    change(folder / "compose.yaml", old, new)

    done = read(folder)

    assert done.returncode == 1
    assert reason in done.stderr


def test_the_name_that_clients_use_must_be_given(folder: Path) -> None:
    change(folder / ".env", "SERVER_HOSTNAME=localhost", "")

    assert "is the name that clients use, in .env" in read(folder).stderr


def test_an_image_of_a_registry_is_what_every_part_runs(folder: Path) -> None:
    change(folder / ".env", "#BERTH_IMAGE=", "BERTH_IMAGE=")

    services = composition(folder)["services"]

    ours = {"migrate", "web-1", "web-2", "worker", "beat", "bucket"}
    assert {services[name]["image"] for name in ours} == {"registry.example.com/infra/berth:0.1.0"}


def test_whoever_is_waited_for_until_it_is_well_says_so(folder: Path) -> None:
    services = composition(folder)["services"]
    waited_for = {
        name
        for service in services.values()
        for name, wait in (service.get("depends_on") or {}).items()
        if wait["condition"] == "service_healthy"
    }

    assert waited_for == {"postgres", "redis"}
    assert [name for name in sorted(waited_for) if not services[name].get("healthcheck")] == []


# --- Health checks ------------------------------------------------------------------------------


def is_well(
    folder: Path,
    service: str,
    replaced: dict[str, str],
    arguments: tuple[str, ...] = (),
    **variables: str,
) -> bool:
    """Whether the health check says so.

    Args:
        replaced: words of the check, and what stands for them here.
        arguments: of its program, where a variable cannot say it.
        variables: of the container.
    """
    kind, program, *words = composition(folder)["services"][service]["healthcheck"]["test"]
    assert kind == "CMD"
    for theirs, ours in replaced.items():
        words = [word.replace(theirs, ours) for word in words]
    path = sys.executable if program == "python" else client(program)
    done = subprocess.run(
        [path, *arguments, *words], env=variables, capture_output=True, check=False
    )
    return done.returncode == 0


class _Ending(BaseHTTPRequestHandler):
    """A web server that is about to end."""

    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/readyz" else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def ending() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Ending) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize("service", ["web-1", "web-2"])
def test_a_web_server_that_answers_is_well(
    folder: Path, live_registry: RunningServer, service: str
) -> None:
    assert is_well(folder, service, {"127.0.0.1:8080": live_registry.host})


def test_a_web_server_that_is_about_to_end_is_not_well(folder: Path) -> None:
    with ending() as host:
        assert not is_well(folder, "web-1", {"127.0.0.1:8080": host})


def test_a_web_server_that_is_away_is_not_well(folder: Path) -> None:
    assert not is_well(folder, "web-1", {"127.0.0.1:8080": f"127.0.0.1:{free_port()}"})


def test_a_database_that_answers_is_well(folder: Path) -> None:
    with private_cluster(installed_programs()) as uri:
        (place,) = parse_qs(urlsplit(uri).query)["host"]
        assert is_well(folder, "postgres", {}, PGHOST=place)


def test_a_database_that_is_away_is_not_well(folder: Path) -> None:
    assert not is_well(folder, "postgres", {}, PGHOST="127.0.0.1", PGPORT=str(free_port()))


@contextmanager
def redis(folder: Path, *arguments: str) -> Iterator[str]:
    """Its port, as an argument of redis-cli."""
    port = str(free_port())
    place = ("--bind", "127.0.0.1", "--dir", str(folder), "--save", "")
    process = subprocess.Popen(
        [client("redis-server"), "--port", port, *place, *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        next(line for line in process.stdout if "Ready to accept connections" in line)
        yield port
    finally:
        process.kill()
        process.communicate()


def test_a_queue_that_answers_is_well(folder: Path) -> None:
    with redis(folder) as port:
        assert is_well(folder, "redis", {}, ("-p", port))


def test_a_queue_that_answers_with_an_error_is_not_well(folder: Path) -> None:
    with redis(folder, "--requirepass", "secret") as port:
        assert not is_well(folder, "redis", {}, ("-p", port))


def test_a_queue_that_is_away_is_not_well(folder: Path) -> None:
    assert not is_well(folder, "redis", {}, ("-p", str(free_port())))

"""The wheel is a whole Berth: installed into an empty environment, far from any checkout."""

import http.client
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live import ADMIN_PASSWORD, ROOT, free_port

pytestmark = pytest.mark.xdist_group("wheel")  # one process builds and installs it

_START_SECONDS = 120
_STOP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Installation:
    """An environment with Berth in it, and a folder to work in."""

    programs: Path
    folder: Path

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [self.programs / command[0], *command[1:]],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def environment(self, **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), **more}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).with_name("uv")
    python = folder / "venv/bin/python"
    _call(uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", folder, ROOT)
    _call(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    lock = ROOT / "deploy/requirements.lock"
    _call(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock)
    (wheel,) = folder.glob("berth-*.whl")
    _call(uv, "pip", "install", "--quiet", "--no-deps", "--python", python, wheel)
    work = folder / "work"
    work.mkdir()
    return Installation(python.parent, work)


@pytest.fixture(scope="module")
def port(installation: Installation) -> Iterator[int]:
    """Where ``berth serve`` listens, started in a folder with nothing in it."""
    port = free_port()
    variables = installation.environment(
        PORT=str(port), WORKERS="1", BERTH_ADMIN_PASSWORD=ADMIN_PASSWORD
    )
    with (installation.folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [installation.programs / "berth", "serve"],
            cwd=installation.folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + _START_SECONDS
    while _status(port) != http.client.UNAUTHORIZED:
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            pytest.fail((installation.folder / "log").read_text())
        time.sleep(0.1)
    yield port
    server.terminate()
    server.wait(_STOP_SECONDS)


def test_the_command_knows_the_version_of_the_project(installation: Installation) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]

    code = "from config.keys.paths import berth_version; print(berth_version())"

    assert installation.run("python", "-c", code).strip() == version


def test_the_command_lists_the_commands_of_berth(installation: Installation) -> None:
    assert "create_organization" in installation.run("berth", "help")


def test_everything_is_kept_below_the_folder_it_was_started_in(
    installation: Installation, port: int
) -> None:
    assert (installation.folder / "data/db.sqlite3").is_file()


def test_pages_are_served_with_their_style(port: int) -> None:
    page = _get(port, "/")
    style = re.search(r'href="(/static/ui/tokens[^"]*\.css)"', page.text)

    assert style is not None
    assert _get(port, style.group(1)).status == http.client.OK


def test_the_manual_is_served(port: int) -> None:
    assert "<h1" in _get(port, "/docs/images").text


def _call(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _status(port: int) -> int | None:
    try:
        return _get(port, "/v2/").status
    except (OSError, http.client.HTTPException):
        return None


def _get(port: int, path: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return Answer(response.status, response.read().decode())
    finally:
        connection.close()

"""``backup`` and ``restore`` as an administrator types them, beside a registry that serves."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import ROOT, RunningServer, server_environment, start_server

# What all of them look at is made once.
pytestmark = pytest.mark.xdist_group("backup commands")

MADE = ("generate_data", "--repositories", "20", "--tags", "40")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One that has no content of other tests."""
    server = start_server(tmp_path_factory.mktemp("registry") / "data")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def backed_up(registry: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a registry with some content, made after one that was killed."""
    registry.manage(*MADE)
    place = tmp_path_factory.mktemp("backup") / "berth"
    command = [sys.executable, "manage.py", "backup", str(place)]
    with subprocess.Popen(
        command, cwd=ROOT, env=registry.environment, stdout=subprocess.PIPE
    ) as killed:
        while not (place / ".incoming").exists() and killed.poll() is None:
            pass
        killed.kill()
    registry.manage("backup", str(place))
    return place


@pytest.fixture(scope="module")
def restored(
    backed_up: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    data = tmp_path_factory.mktemp("restored") / "data"
    command = [sys.executable, "manage.py", "restore", str(backed_up), "--verify"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=server_environment(data),
        capture_output=True,
        text=True,
        check=False,
    )
    return data, done


Restored = tuple[Path, subprocess.CompletedProcess[str]]


def test_a_restored_registry_has_no_problem(restored: Restored) -> None:
    _, done = restored

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith(" 0 problems.")


def test_its_secret_key_is_that_of_the_backup(restored: Restored, registry: RunningServer) -> None:
    data, _ = restored

    assert (data / "secret_key").read_text() == (registry.data / "secret_key").read_text()


def test_a_second_restore_is_refused(restored: Restored, backed_up: Path) -> None:
    data, _ = restored
    done = subprocess.run(
        [sys.executable, "manage.py", "restore", str(backed_up)],
        cwd=ROOT,
        env=server_environment(data),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (
        1,
        "CommandError: the database is not empty; nothing was changed\n",
    )


def test_nothing_is_restored_while_a_registry_serves(
    registry: RunningServer, backed_up: Path
) -> None:
    with pytest.raises(RuntimeError, match="Another Berth already runs"):
        registry.manage("restore", str(backed_up))

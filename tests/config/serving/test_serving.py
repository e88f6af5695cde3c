"""A started Berth: what is there, what survives, and what is left after the end."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.conformance.client import Client
from tests.conformance.repository import Repository
from tests.live import (
    RunningServer,
    free_port,
    log_of,
    session_pids,
    start_process,
    start_server,
)

pytestmark = pytest.mark.xdist_group("serving")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that tests may hurt, as long as it heals."""
    server = start_server(tmp_path_factory.mktemp("serving") / "data", is_first_start=True)
    yield server
    server.kill()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[RunningServer]:
    """A server that the test ends."""
    server = start_server(tmp_path / "data")
    wait_until(lambda: pids_of(server, "berth-jobs"))
    yield server
    server.kill()


def wait_until(condition: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def pids_of(server: RunningServer, name: str) -> list[int]:
    """Living processes of the server that have this name, oldest first."""
    return [pid for pid in server.pids() if name_of(pid) == name]


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_greeted(server: RunningServer) -> bool:
    return f"Berth is ready: {server.url}" in log_of(server.data).read_text()


def test_the_first_start_makes_a_data_folder_for_the_owner_only(server: RunningServer) -> None:
    assert server.data.stat().st_mode & 0o777 == 0o700
    assert (server.data / "secret_key").stat().st_mode & 0o777 == 0o600


def test_files_in_the_data_folder_are_for_the_owner_only(server: RunningServer) -> None:
    """Also in a folder that others may enter, which was there before."""
    client = Client(server.host, "admin", server.admin_password)
    assert Repository(client, "admin/private").push_blob(b"of nobody else")

    open_to_others = [
        path.relative_to(server.data)
        for path in server.data.rglob("*")
        if path.is_file()
        and path.stat().st_mode & 0o077
        and path.relative_to(server.data).parts[0] != "static"  # what every visitor is sent
    ]

    assert open_to_others == []


def test_the_first_start_tells_where_it_is_and_what_to_try(server: RunningServer) -> None:
    wait_until(lambda: is_greeted(server))

    words = log_of(server.data).read_text()
    assert f"podman login --tls-verify=false -u admin {server.host}" in words
    assert f"helm push --plain-http hi-0.1.0.tgz oci://{server.host}/admin" in words
    assert str(server.data) in words
    assert server.admin_password not in words


@pytest.mark.parametrize("name", ["berth-jobs", "berth-web"])
def test_a_killed_process_is_started_again(server: RunningServer, name: str) -> None:
    wait_until(lambda: pids_of(server, "berth-jobs"))
    before = pids_of(server, name)

    os.kill(before[0], signal.SIGKILL)

    wait_until(lambda: len(pids_of(server, name)) == len(before))
    wait_until(lambda: not set(before) & set(pids_of(server, name)))


def test_stopping_ends_every_process(mortal: RunningServer) -> None:
    mortal.stop()

    assert mortal.process.returncode == 0
    assert mortal.pids() == []


def test_killing_the_supervisor_leaves_no_process(mortal: RunningServer) -> None:
    mortal.process.kill()
    mortal.process.wait()

    wait_until(lambda: session_pids(mortal.process.pid) == [])


def test_a_second_start_keeps_what_is_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = {"BERTH_ADMIN_PASSWORD": ""}
    first = start_server(data, environment=environment, is_first_start=True)
    secret_key = (data / "secret_key").read_text()
    first.kill()

    start_server(data, environment=environment).stop()

    words = log_of(data).read_text()
    assert (data / "secret_key").read_text() == secret_key
    assert words.count("The password is shown only now:") == 1
    assert words.count("  Password  ") == 1


def test_a_copy_without_the_secret_key_is_started(tmp_path: Path) -> None:
    """In a folder that others may enter: what is in it is for its owner afterwards."""
    data = tmp_path / "data"
    start_server(data).stop()
    (data / "secret_key").unlink()
    data.chmod(0o755)
    for database in data.glob("*.sqlite3"):
        database.chmod(0o644)

    second = start_server(data)
    answer = Client(second.host, "admin", second.admin_password).get("/v2/")
    with pytest.raises(RuntimeError, match="can be entered by other users"):
        second.manage("doctor")
    second.stop()

    words = log_of(data).read_text()
    assert answer.status == 200
    assert words.count("SECRET_KEY is not the one of this database") == 1
    assert "Traceback" not in words
    assert not [path for path in data.glob("*.sqlite3*") if path.stat().st_mode & 0o077]


def test_a_second_berth_on_the_same_folder_is_refused(server: RunningServer) -> None:
    second_log = server.data.with_name("second.log")
    second = start_process({**server.environment, "PORT": str(free_port())}, log=second_log)

    assert second.wait(60) == 1
    assert f"Another Berth already runs on the folder {server.data}" in second_log.read_text()


def test_each_part_runs_by_itself(tmp_path: Path) -> None:
    web = start_server(tmp_path / "data", only="web")
    names = {"web": "berth-web", "worker": "berth-jobs", "beat": "berth-beat"}
    with ExitStack() as running:
        running.callback(web.kill)
        parts = {"web": web}
        for part in ("worker", "beat"):
            log = tmp_path / f"{part}.log"
            process = start_process(web.environment, log=log, only=part)
            parts[part] = replace(web, process=process)
            running.callback(parts[part].kill)
        for part, server in parts.items():
            wait_until(partial(pids_of, server, names[part]))
            others = set(names.values()) - {names[part]}
            assert not [pid for pid in server.pids() if name_of(pid) in others]

        again = start_process(web.environment, log=tmp_path / "again.log", only="worker")
        assert again.wait(60) == 1
        for server in parts.values():
            server.stop()
            assert server.pids() == []

    assert "Another Berth already runs on the folder" in (tmp_path / "again.log").read_text()


def test_the_doctor_finds_nothing_wrong(server: RunningServer) -> None:
    report = server.manage("doctor").splitlines()

    assert [line.split(":")[0] for line in report if line] == [
        "ok    data folder", "ok    database", "ok    storage", "ok    broker", "ok    signing key",
        "ok    clock", "ok    host name", "ok    proxies", "ok    connections", "ok    mail",
    ]  # fmt: skip


def test_the_doctor_notices_a_changed_secret_key_and_says_what_to_do(
    server: RunningServer,
) -> None:
    changed = replace(server, environment={**server.environment, "BERTH_SECRET_KEY": "another"})

    with pytest.raises(RuntimeError) as caught:
        changed.manage("doctor")

    assert "FAIL  signing key" in str(caught.value)
    assert "SECRET_KEY is not the one that the signing key was stored with" in str(caught.value)

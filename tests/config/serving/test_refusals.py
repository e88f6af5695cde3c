"""When Berth cannot start: one sentence, status 1, and nothing left behind."""

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.live import ROOT, free_port, server_environment


def refused(data: Path, *arguments: str, **options: str) -> str:
    """Try to start; return what was said on the way out."""
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", *arguments],
        cwd=ROOT,
        env={**server_environment(data), "PORT": str(free_port()), **options},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    return done.stderr.strip()


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        sentence = refused(tmp_path / "data", PORT=str(port))

    assert sentence == (
        f"Berth cannot start: Cannot listen on 127.0.0.1:{port}: address already in use."
        " Choose another port with PORT=NUMBER, or another address with HOST=ADDRESS."
    )
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    sentence = refused(tmp_path / "data", HOST="192.0.2.1")

    assert "Cannot listen on 192.0.2.1" in sentence
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_nobody_can_make() -> None:
    folder = Path("/proc/berth")  # not even by root

    sentence = refused(folder)

    assert sentence.startswith(f"Berth cannot start: Cannot write {folder}: ")
    assert sentence.endswith(
        "BERTH_DATA must name a folder that can be written to; leave it out where SECRET_KEY,"
        " database and store are elsewhere."
    )


@pytest.mark.parametrize("folder", ["taken", "taken/below"])
def test_a_file_in_the_way_of_the_data_folder(tmp_path: Path, folder: str) -> None:
    file = tmp_path / "taken"
    file.write_text("mine")

    sentence = refused(tmp_path / folder)

    assert sentence == (
        f"Berth cannot start: {file} is a file, and a folder is needed there. It is for"
        " SQLite (DB_URI), blobs (DISTRIBUTED_STORAGE_CONFIG), the secret key (SECRET_KEY)."
    )
    assert file.read_text() == "mine"


def test_a_place_where_nobody_can_write() -> None:
    sentence = refused(Path("/proc/berth"))

    assert sentence.startswith("Berth cannot start: ")
    assert "/proc" in sentence


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("PORT", "http", "PORT must be a number from 1 to 65535, not 'http'."),
        ("PORT", "70000", "PORT must be a number from 1 to 65535, not '70000'."),
        ("WORKERS", "0", "WORKERS must be a number from 1 to 256, not '0'."),
        ("TLS", "maybe", "TLS must be 1 or 0, not 'maybe'."),
    ],
)
def test_an_option_that_makes_no_sense(
    tmp_path: Path, option: str, value: str, sentence: str
) -> None:
    assert refused(tmp_path / "data", **{option: value}) == f"Berth cannot start: {sentence}"
    assert list(tmp_path.iterdir()) == []


def test_a_broken_configuration(tmp_path: Path) -> None:
    file = tmp_path / "berth.yaml"
    file.write_text("LOG_LEVEL: INFO\nFEATURE_ANONYMOUS_ACESS: false\n")

    sentence = refused(tmp_path / "data", BERTH_CONFIG=str(file))

    assert sentence == (
        f"{file}, line 2: unknown key FEATURE_ANONYMOUS_ACESS."
        " Did you mean FEATURE_ANONYMOUS_ACCESS?"
    )
    assert list(tmp_path.iterdir()) == [file]


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    uri = f"postgresql://berth@127.0.0.1:{free_port()}/berth"

    sentence = refused(tmp_path / "data", BERTH_DB_URI=uri)

    assert sentence.startswith("Berth cannot start: Cannot reach the database of DB_URI: ")
    assert list(tmp_path.iterdir()) == []


def test_tables_that_are_behind_and_may_not_be_touched(tmp_path: Path) -> None:
    sentence = refused(tmp_path / "data", "--no-migrate")

    assert "migrations of this version. Make them with 'berth migrate'" in sentence
    assert list(tmp_path.iterdir()) == []


def test_a_password_that_is_too_weak(tmp_path: Path) -> None:
    sentence = refused(tmp_path / "data", BERTH_ADMIN_PASSWORD="short")

    assert sentence.startswith("Berth cannot start: Cannot create the administrator: ")
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_that_cannot_be_read(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.pem")

    sentence = refused(tmp_path / "data", BERTH_TLS_CERTIFICATE=absent, BERTH_TLS_KEY=absent)

    assert sentence == (
        f"Berth cannot start: TLS_CERTIFICATE {absent} and TLS_KEY {absent}"
        " cannot be used: No such file or directory."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["create_user", "bob"], ["fsck"], ["doctor"]])
def test_a_command_without_a_data_folder(tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**server_environment(tmp_path / "absent"), "BERTH_SECRET_KEY": "x" * 50},
        input="a-long-enough-password",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "no data folder" in (done.stderr + done.stdout).lower()
    assert list(tmp_path.iterdir()) == []

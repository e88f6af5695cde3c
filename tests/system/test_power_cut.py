"""What was acknowledged survives a power cut after each acknowledgement of a row of pushes."""

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REQUIRE_ALL
from tests.live import ROOT, copy_prepared_folder, server_environment
from tests.system.powercut import STRACE, Disk, calls, opened

pytestmark = [
    pytest.mark.only_sqlite,  # PostgreSQL's own disk is its own matter
    pytest.mark.skipif(
        not shutil.which("strace") and not REQUIRE_ALL, reason="strace is not installed"
    ),
]
_SECONDS = 120
_PUSHES = 60

_BLOB = """
    SELECT b.storage_key FROM blobs_blob b JOIN blobs_bloblink l ON l.blob_id = b.digest
    WHERE b.digest = ? AND b.missing_at IS NULL
"""
_MANIFEST = "SELECT body FROM manifests_manifest WHERE digest = ? AND deleted_at IS NULL"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A prepared folder without blobs."""
    data = tmp_path / "data"
    copy_prepared_folder(data)
    shutil.rmtree(data / "static", ignore_errors=True)  # many files, which no push writes
    return data


def pushed(data: Path, *options: str) -> Iterator[tuple[list[str], Path]]:
    """What was acknowledged so far, and what is on the disk, after each acknowledgement."""
    log, told = data.with_name("log"), data.with_name("acknowledged")
    disk = Disk(data)
    run(data, [*STRACE, "-o", str(log)], "push", str(told), *options)
    acknowledged = told.read_text().splitlines()
    count = 0
    for call, arguments, result in calls(log):
        if call == "write" and opened(arguments) == str(told):
            count += 1
            place = data.with_name(f"left-{count}")
            disk.leave(place)
            yield acknowledged[:count], place
        else:
            disk.apply(call, arguments, result)
    assert count == len(acknowledged)


def run(data: Path, tracer: list[str], *arguments: str) -> None:
    done = subprocess.run(
        [*tracer, sys.executable, "-m", "tests.system.pushed_alone", *arguments],
        cwd=ROOT,
        env=server_environment(data),
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr


def lost(acknowledged: list[str], place: Path) -> list[str]:
    """What of it is not on that disk, or not as it was."""
    database = sqlite3.connect(place / "db.sqlite3")
    try:
        return [line for line in acknowledged if not _is_there(line, place, database)]
    finally:
        database.close()


def _is_there(line: str, place: Path, database: sqlite3.Connection) -> bool:
    kind, _, digest = line.partition("/")
    try:
        rows = database.execute(_BLOB if kind == "blobs" else _MANIFEST, [digest]).fetchall()
        content = (place / "blobs" / rows[0][0]).read_bytes() if kind == "blobs" else rows[0][0]
    except (IndexError, FileNotFoundError, sqlite3.DatabaseError):
        return False
    return digest == f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.timeout(2 * _SECONDS)
def test_what_was_acknowledged_survives_a_power_cut(data: Path) -> None:
    points = 0
    for acknowledged, place in pushed(data):
        assert lost(acknowledged, place) == [], f"after {len(acknowledged)} pushes"
        points += 1
        if points == _PUSHES:
            told = place.with_name("told")
            told.write_text("\n".join(acknowledged))
            run(place, [], "read", str(told))
        shutil.rmtree(place)
    assert points == _PUSHES


@pytest.mark.timeout(2 * _SECONDS)
def test_what_was_not_synced_would_be_noticed(data: Path) -> None:
    acknowledged, place = next(pushed(data, "unsynced"))

    assert lost(acknowledged, place) == acknowledged

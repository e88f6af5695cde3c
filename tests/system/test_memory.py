"""What a registry takes of memory: little at rest, bounded in use, no more each hour."""

import hashlib
import http.client
import os
import random
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.memory import Peak
from benchmarks.mixed_use import MixedUse
from benchmarks.processes import used_bytes
from tests.conformance.client import Client
from tests.conformance.repository import Repository, closing
from tests.conformance.wire import Wire
from tests.live import RunningServer, start_server

LIMIT_KIB = 150 * 1024
PIECE_BYTES = 1024 * 1024
BLOB_MIB = int(os.environ.get("BERTH_TEST_BLOB_MIB", "2048"))
BLOB_MIB_WHERE_THE_DISK_IS_SMALL = 512
ENOUGH_DISK_BYTES = 10 * 1000**3

# All processes together, by proportional set size.
MOST_AT_REST_MB = 230
MOST_IN_USE_MB = 400
MOST_AFTERWARDS_MB = 300
REST_SECONDS = 5
USE_SECONDS = 20
BACK_SECONDS = 75  # threads end after 20 s, and pages go back every 30 s
SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
LOOK_SECONDS = 5


@pytest.mark.timeout(900)
def test_a_large_blob_comes_and_goes_in_little_memory(tmp_path: Path) -> None:
    is_roomy = shutil.disk_usage(tmp_path).free >= ENOUGH_DISK_BYTES
    size_mib = BLOB_MIB if is_roomy else min(BLOB_MIB, BLOB_MIB_WHERE_THE_DISK_IS_SMALL)
    server = start_server(tmp_path / "data")
    try:
        client = Client(server.host, "admin", server.admin_password)
        repository = Repository(client, "admin/large")
        digest = push(repository, size_mib)
        after_push = peaks_kib(server)
        assert pull(repository, digest) == (digest, size_mib * PIECE_BYTES)
        peaks = peaks_kib(server)
    finally:
        server.stop()
    print(f"{size_mib} MiB: peaks in KiB {after_push} after the push, {peaks} after the pull")
    assert max(peaks) < LIMIT_KIB


@pytest.mark.timeout(600)
def test_a_registry_in_use_takes_little_memory_and_gives_it_back(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    try:
        time.sleep(REST_SECONDS)
        at_rest = used_mb(server)
        use = MixedUse(server)
        with Peak(server) as peak:
            use.fill()
            use.go_on(seconds=USE_SECONDS, users=16)
        used = used_mb(server)
        deadline = time.monotonic() + BACK_SECONDS
        while (afterwards := used_mb(server)) > MOST_AFTERWARDS_MB and time.monotonic() < deadline:
            time.sleep(1)
    finally:
        server.stop()
    print(f"{at_rest:.0f} MB at rest, {peak.bytes / 1e6:.0f} at most, {used:.0f} after the use")
    print(f"{afterwards:.0f} later; {use.done}")
    assert use.failed == []
    assert at_rest < MOST_AT_REST_MB
    assert peak.bytes / 1e6 < MOST_IN_USE_MB
    assert afterwards < MOST_AFTERWARDS_MB


@pytest.mark.soak
@pytest.mark.timeout(SOAK_SECONDS * 2 + 600)
def test_a_registry_takes_no_more_memory_the_longer_it_is_used(tmp_path: Path) -> None:
    """Flat once everything has been used: the last third takes what the first took."""
    server = start_server(tmp_path / "data")
    taken: list[float] = []
    try:
        use = MixedUse(server)
        use.fill()
        use.go_on(seconds=SOAK_SECONDS / 6, users=16)
        end = time.monotonic() + SOAK_SECONDS
        while time.monotonic() < end:
            use.go_on(seconds=LOOK_SECONDS, users=16)
            taken.append(used_mb(server))
    finally:
        server.stop()
    third = max(len(taken) // 3, 1)
    first, last = statistics.mean(taken[:third]), statistics.mean(taken[-third:])
    print(f"{first:.0f} MB in the first third, {last:.0f} in the last: {taken}; {use.done}")
    assert use.failed == []
    assert last <= first * 1.1


def used_mb(server: RunningServer) -> float:
    return used_bytes({server.process.pid}) / 1e6


def content(size_mib: int) -> Iterator[bytes]:
    """Pieces that differ, made as they are needed."""
    filling = random.Random(size_mib).randbytes(PIECE_BYTES - 8)
    for number in range(size_mib):
        yield number.to_bytes(8, "big") + filling


def push(repository: Repository, size_mib: int) -> str:
    """Push by one PATCH in chunked transfer encoding; return the digest."""
    location = repository.open_upload()
    bearer = repository.client.bearer(f"repository:{repository.name}:pull,push")
    hasher = hashlib.sha256()
    with Wire(repository.client.host) as wire:
        wire.begin("PATCH", location, [*bearer, ("Transfer-Encoding", "chunked")])
        for piece in content(size_mib):
            hasher.update(piece)
            wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        wire.send(b"0\r\n\r\n")
        assert wire.read("PATCH").status == 202
    digest = f"sha256:{hasher.hexdigest()}"
    assert repository.client.put(closing(location, digest)).status == 201
    return digest


def pull(repository: Repository, digest: str) -> tuple[str, int]:
    """Digest and length of what a pull brings."""
    connection = http.client.HTTPConnection(repository.client.host, timeout=60)
    bearer = repository.client.bearer(f"repository:{repository.name}:pull")
    hasher, length = hashlib.sha256(), 0
    try:
        connection.request("GET", repository.blob(digest), headers=dict(bearer))
        response = connection.getresponse()
        assert response.status == 200
        while piece := response.read(PIECE_BYTES):
            hasher.update(piece)
            length += len(piece)
    finally:
        connection.close()
    return f"sha256:{hasher.hexdigest()}", length


def peaks_kib(server: RunningServer) -> list[int]:
    """The most memory that each process of the web server ever had resident."""
    return [
        _peak_kib(pid)
        for pid in server.pids()
        if Path(f"/proc/{pid}/comm").read_text() == "berth-web\n"
    ]


def _peak_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError(f"the system does not tell the memory of process {pid}")

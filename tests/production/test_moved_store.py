"""Blobs go from a bucket to a folder and back while clients push, pull and leave things behind."""

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random

import pytest
import yaml

from tests.conformance.client import Client
from tests.conformance.content import digest_of
from tests.conformance.repository import closing
from tests.live import RunningServer, free_port, session_pids, start_server
from tests.production.load import Caller, load_on
from tests.production.stack import Stack
from tests.s3_server import S3Server
from tests.system.pushers import Pusher, make_pushers

pytestmark = pytest.mark.xdist_group("production")

CONFIG, PREFERENCE = (f"BERTH_DISTRIBUTED_STORAGE_{name}" for name in ("CONFIG", "PREFERENCE"))
PUSHERS, PUSH_PAUSE_SECONDS = 3, 0.2
CHUNK_BYTES = 1_100_000  # too long to be taken in at once
# Together longer than what nobody goes on with is waited for.
PASSES, PAUSE_SECONDS = 12, 8
# The shortest: what nobody needs is collected while the test runs.
SOON = {"BERTH_PUSH_TEMP_TAG_EXPIRATION_SEC": "60"}


class Patient(Caller):
    """Pushes blobs in chunks, which may each come to another machine, and leaves them alone."""

    def push_chunks(self, random: Random) -> str:
        location: list[str] = []
        self._ask("POST", "blobs/uploads/", HTTPStatus.ACCEPTED, b"", location=location)
        blob = random.randbytes(2 * CHUNK_BYTES)
        headers = {"Content-Type": "application/octet-stream"}
        for start in range(0, len(blob), CHUNK_BYTES):
            chunk = blob[start : start + CHUNK_BYTES]
            self._ask("PATCH", location[-1], HTTPStatus.ACCEPTED, chunk, headers, location)
        closing = f"{location[-1]}{'&' if '?' in location[-1] else '?'}digest={digest_of(blob)}"
        self._ask("PUT", closing, HTTPStatus.CREATED, b"", headers)
        return digest_of(blob)

    def pull_blob(self, digest: str) -> bool:
        return digest_of(self._ask("GET", f"blobs/{digest}", HTTPStatus.OK)) == digest


@contextmanager
def chunks_on(stack: Stack) -> Iterator[list[str]]:
    """Meanwhile blobs are pushed in chunks: what was acknowledged. Fails when one is refused."""
    pushed: list[str] = []
    stop = threading.Event()

    def push() -> None:
        caller, random = Patient(stack, "admin/chunks"), Random(14)
        while not stop.wait(1):
            pushed.append(caller.push_chunks(random))

    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(push)
        try:
            yield pushed
        finally:
            stop.set()
            pushing.result()  # a refusal is told before what follows from it


@pytest.mark.soak  # minutes of load
@pytest.mark.timeout(1800)
def test_a_store_is_moved_there_and_back_and_nothing_is_refused_or_lost(
    stack: Stack, tmp_path: Path
) -> None:
    before = dict(stack.environment)
    stores = yaml.safe_load(before[CONFIG])
    bucket = stack.s3.folder / "buckets" / stores["default"][1]["s3_bucket"]
    folder = tmp_path / "blobs"
    stores["folder"] = ["LocalStorage", {"storage_path": str(folder)}]
    stack.environment[CONFIG] = yaml.safe_dump(stores, default_flow_style=True)

    with load_on(stack, "moved") as load, chunks_on(stack) as chunks:
        _move(stack, "default", "folder")
        shutil.rmtree(bucket / "some")
        _move(stack, "folder", "default")
        shutil.rmtree(folder)
        kept = len(chunks)
        lasting = chunks[kept - 1]
        assert Patient(stack, "admin/chunks").pull_blob(lasting)

    collected = stack.manage("gc", **SOON)
    looked = stack.manage("fsck", "--rehash", "--dry-run")
    stack.environment.clear()
    stack.environment |= before

    assert load.result.refusals == []
    assert load.lost() == []
    assert "Freed 0 bytes" not in collected
    assert ", 0 problems." in looked


def test_one_machine_moves_to_a_bucket_while_clients_push(
    tmp_path: Path, s3_server: S3Server
) -> None:
    folder = tmp_path / "blobs"
    stores = {
        "folder": ["LocalStorage", {"storage_path": str(folder)}],
        "bucket": ["S3Storage", s3_server.parameters()],
    }
    registry = partial(_registry, tmp_path / "data", free_port(), yaml.safe_dump(stores))
    upload, blob = "", Random(7).randbytes(2 * CHUNK_BYTES)

    with registry("folder") as server:
        client = Client(server.host, "admin", server.admin_password)
        pushers = make_pushers(client, "admin/moved", PUSHERS, seed=7)
        repository = pushers[0].repository
        with _pushing(pushers):
            _wait_until_pushed(pushers)
        upload = repository.open_upload()
        assert client.patch(upload, body=blob[:CHUNK_BYTES]).status == 202
    with registry("bucket", "folder") as server, _pushing(pushers):
        first = server.manage("move_store", "bucket")
        closed = client.put(closing(upload, digest_of(blob)), body=blob[CHUNK_BYTES:])
        assert closed.status == 201
        _wait_until_pushed(pushers)
        said = [server.manage("move_store", "bucket") for _ in range(2)]
    shutil.rmtree(folder)

    assert "Run this again" in first
    assert "All that is pushed goes there" in said[-1], said
    with registry("bucket"):
        for pusher in pushers:
            pusher.check_promises()
        assert digest_of(client.get(repository.blob(digest_of(blob))).body) == digest_of(blob)


@contextmanager
def _registry(data: Path, port: int, stores: str, *preference: str) -> Iterator[RunningServer]:
    environment = {
        CONFIG: stores,
        PREFERENCE: f"[{', '.join(preference)}]",
        "BERTH_FEATURE_PROXY_STORAGE": "true",  # these clients follow no redirection
    }
    server = start_server(data, port=port, environment=environment)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _pushing(pushers: list[Pusher]) -> Iterator[None]:
    over = threading.Event()
    with ThreadPoolExecutor(len(pushers)) as pool:
        pushing = [
            pool.submit(pusher.push_until, partial(over.wait, PUSH_PAUSE_SECONDS))
            for pusher in pushers
        ]
        try:
            yield
        finally:
            over.set()
    for each in pushing:
        each.result()


def _wait_until_pushed(pushers: list[Pusher]) -> None:
    """Each has pushed something more."""
    before = [len(pusher.manifests) for pusher in pushers]
    deadline = time.monotonic() + 60
    while any(len(p.manifests) <= count for p, count in zip(pushers, before, strict=True)):
        assert time.monotonic() < deadline, "nothing is pushed"
        time.sleep(0.05)


def _move(stack: Stack, old: str, new: str) -> None:
    _restart(stack, old, new)
    _restart(stack, new, old)
    said: list[str] = []
    while len(said) < PASSES and "All that is pushed goes there" not in "".join(said[-1:]):
        stack.manage("gc", **SOON)
        said.append(_copied(stack, new))
        time.sleep(PAUSE_SECONDS)
    assert "All that is pushed goes there" in said[-1], said
    _restart(stack, new)


def _copied(stack: Stack, to: str) -> str:
    """What the command says; where a bucket was silent too long it broke off, and is repeated."""
    try:
        return stack.manage("move_store", to)
    except RuntimeError as broken:
        if "does not answer" not in str(broken):
            raise
        return ""


def _restart(stack: Stack, *preference: str) -> None:
    """One machine after the other."""
    stack.environment[PREFERENCE] = f"[{', '.join(preference)}]"
    for number in (0, 1):
        stack.webs[number].stop()
        stack.start_web(number)
        stack.wait_until_asked()
    worker = stack.parts["worker"]
    worker.terminate()
    worker.wait(60)
    assert session_pids(worker.pid) == []
    stack.start_part("worker")

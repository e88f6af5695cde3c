"""Slow clients take no place from others: one web worker has 128 threads, and serves on."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.conformance.client import Client, Headers
from tests.conformance.content import digest_of, unique
from tests.conformance.repository import Repository, closing
from tests.conformance.wire import Wire
from tests.live import RunningServer
from tests.system.conftest import UPLOADS_AT_ONCE

pytestmark = pytest.mark.xdist_group("small-registry")

SLOW_UPLOADS = 60  # of one account
NODES = 100
MANY = 300  # more than threads
BEGINNING = b"the first bytes, "
REST = b"and after a long while the rest" * 4000  # more than is received before a thread begins


@contextmanager
def slow_uploads(repository: Repository, count: int) -> Iterator[list[Wire]]:
    """Uploads under way that have sent their first bytes and now keep the server waiting."""
    bearer = repository.client.bearer(f"repository:{repository.name}:pull,push")
    length = ("Content-Length", str(len(BEGINNING + REST)))
    with ExitStack() as stack:
        locations = [repository.open_upload() for _ in range(count)]
        wires = [stack.enter_context(Wire(repository.client.host)) for _ in range(count)]
        for wire, location in zip(wires, locations, strict=True):
            wire.begin("PATCH", location, [*bearer, length])
            wire.send(BEGINNING)
        _wait_until_busy(repository)
        yield wires


def test_slow_uploads_leave_reads_working_and_new_uploads_told_to_wait(
    small_repository: Repository,
) -> None:
    with slow_uploads(small_repository, SLOW_UPLOADS) as wires:
        image = small_repository.client.get(small_repository.manifest("v1"))
        layer = image.json()["layers"][0]["digest"]
        assert image.status == 200
        assert small_repository.client.get(small_repository.blob(layer)).status == 200
        content = unique()
        for path in (
            small_repository.uploads(),
            small_repository.uploads(digest=digest_of(content)),
        ):
            refused = small_repository.client.post(path, body=content)
            assert (refused.status, refused.code) == (429, "TOOMANYREQUESTS")
            assert int(refused.header("Retry-After")) > 0
        mounted = small_repository.client.post(small_repository.uploads(mount=layer))
        assert mounted.status == 201

        for wire in wires:
            wire.send(REST)
        assert {wire.read("PATCH").status for wire in wires} == {202}

    assert small_repository.push_blob(content)["digest"] == digest_of(content)


def test_uploads_that_vanished_make_room_for_others(small_repository: Repository) -> None:
    with slow_uploads(small_repository, UPLOADS_AT_ONCE) as wires:
        for wire in wires:
            wire.reset()
        deadline = time.monotonic() + 60
        while small_repository.client.post(small_repository.uploads()).status == 429:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_an_upload_that_arrives_byte_by_byte_is_whole(small_repository: Repository) -> None:
    content = unique(200)
    path = closing(small_repository.open_upload(), digest_of(content))
    bearer = small_repository.client.bearer(f"repository:{small_repository.name}:pull,push")
    with Wire(small_repository.client.host) as wire:
        wire.begin("PUT", path, [*bearer, ("Content-Length", str(len(content)))])
        for byte in content:
            wire.send(bytes([byte]))
            time.sleep(0.002)
        assert small_repository.client.get(small_repository.manifest("v1")).status == 200

        assert wire.read("PUT").status == 201

    assert small_repository.client.get(small_repository.blob(digest_of(content))).body == content


SLOW: list[tuple[str, str, Headers]] = [
    ("PATCH", "/v2/a/b/blobs/uploads/x", [("Content-Length", "60000")]),
    ("PATCH", "/v2/a/b/blobs/uploads/x", [("Content-Length", "1000000")]),
    ("PATCH", "/v2/a/b/blobs/uploads/x", [("Transfer-Encoding", "chunked")]),
    ("POST", "/v2/auth", [("Content-Length", "60000")]),
    ("POST", "/v2/auth", [("Transfer-Encoding", "chunked")]),
    ("POST", "/account/login/", [("Content-Length", "1000")]),
    ("POST", "/account/login/", [("Content-Length", "1000"), ("Expect", "100-continue")]),
    ("POST", "/account/login/", [("Content-Length", "1000000")]),
    ("POST", "/account/login/", [("Transfer-Encoding", "chunked")]),
    ("GET", "/v2/", [("Content-Length", "1000000")]),
]


@pytest.mark.parametrize(("method", "path", "headers"), SLOW)
def test_bodies_that_never_end_hold_nobody_up(
    method: str, path: str, headers: Headers, small_repository: Repository
) -> None:
    cookie = ("Cookie", f"csrftoken={'a' * 32}")  # without one, a form is refused unread
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    with ExitStack() as stack:
        for _ in range(MANY):
            wire = stack.enter_context(Wire(small_repository.client.host))
            wire.begin(method, path, [*headers, cookie, kind])
            wire.send(b"1\r\na" if ("Transfer-Encoding", "chunked") in headers else b"a")

        content = unique(300_000)
        pushed = str(small_repository.push_blob(content)["digest"])
        assert small_repository.client.get(small_repository.blob(pushed)).body == content


def test_readers_that_do_not_read_hold_nobody_up(small_repository: Repository) -> None:
    content = unique(24 * 1024 * 1024)
    path = small_repository.blob(str(small_repository.push_blob(content)["digest"]))
    bearer = small_repository.client.bearer(f"repository:{small_repository.name}:pull")
    with ExitStack() as stack:
        for _ in range(MANY):
            wire = stack.enter_context(Wire(small_repository.client.host))
            wire.begin("GET", path, bearer)

        assert small_repository.client.get(path).body == content
        more = unique(300_000)
        assert small_repository.push_blob(more)["digest"] == digest_of(more)


@pytest.mark.parametrize("has_account", [True, False])
def test_a_hundred_nodes_behind_one_address_pull_six_layers_each(
    has_account: bool, small_registry: RunningServer
) -> None:
    name = f"admin/pulled-by-{'robots' if has_account else 'strangers'}"
    small_registry.manage("create_repository", name, "--public")
    client = Client(small_registry.host, "admin", small_registry.admin_password)
    repository = Repository(client, name)
    path = repository.blob(str(repository.push_blob(unique(24 * 1024 * 1024))["digest"]))
    puller = client if has_account else Client(small_registry.host)
    bearer = puller.bearer(f"repository:{name}:pull")
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(small_registry.host)) for _ in range(NODES * 6)]
        for wire in wires:
            wire.begin("GET", path, bearer)

        assert {wire.read_status() for wire in wires} == {200}


def test_a_request_whose_head_never_ends_holds_nobody_up(small_registry: RunningServer) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            wire = stack.enter_context(Wire(small_registry.host))
            wire.send(b"GET /v2/ HTTP/1.1\r\nHost: anybody\r\nX-Slow: ")

        client = Client(small_registry.host, "admin", small_registry.admin_password)
        assert client.get("/v2/").status == 200


def _wait_until_busy(repository: Repository) -> None:
    """Until the server has seen so many uploads that it takes no more."""
    deadline = time.monotonic() + 60
    while (answer := repository.client.post(repository.uploads())).status != 429:
        assert time.monotonic() < deadline
        assert repository.client.delete(answer.header("Location")).status == 204
        time.sleep(0.02)

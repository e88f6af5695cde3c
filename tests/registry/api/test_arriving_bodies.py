"""Large bodies are stored as they come, and hold no thread while their clients send."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from pytest_django import Settings

from artifacts.oci.digest import Digest
from artifacts.oci.errors import StorageFull
from config.front_door import bodies
from config.front_door.door import FrontDoor
from config.front_door.pushes import Arrivals
from config.front_door.transport import Transport
from registry.blobs.models import Blob, UploadSession
from registry.blobs.transfers import transfers
from registry.repositories.models import Repository
from registry.storage.filesystem import FileWriter
from tests.asgi import scope
from tests.registry.api.pushing import UPLOADS, Asking, Headers, closing, opened, part
from tests.registry.stored import assert_only_known_files_are_left, content_of

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = bytes(range(256)) * 4096 * 3  # 3 MiB
CHUNKED = {"Content-Length": "", "Transfer-Encoding": "chunked"}
FRAMINGS = pytest.mark.parametrize("framing", [{}, CHUNKED], ids=["sized", "chunked"])


def pieces_of(content: bytes, size: int = 300_000) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


PIECES = pieces_of(CONTENT)


@FRAMINGS
def test_a_large_chunk_needs_no_view(
    repository: Repository, alone: Asking, token: Headers, framing: Headers
) -> None:
    patched = alone("PATCH", opened(alone, token), PIECES, {**token, **framing})

    assert (patched.status, patched.headers["range"]) == (202, f"0-{len(CONTENT) - 1}")
    assert alone("PUT", closing(patched.headers["location"], CONTENT), [], token).status == 201
    assert content_of(repository, Digest.of(CONTENT)) == CONTENT


@FRAMINGS
def test_a_large_blob_in_the_closing_request_needs_no_view(
    repository: Repository, alone: Asking, token: Headers, framing: Headers
) -> None:
    location = closing(opened(alone, token), CONTENT)

    assert alone("PUT", location, PIECES, {**token, **framing}).status == 201
    assert content_of(repository, Digest.of(CONTENT)) == CONTENT


@FRAMINGS
def test_a_large_blob_in_one_request_needs_no_view(
    repository: Repository, alone: Asking, token: Headers, framing: Headers
) -> None:
    asked = alone("POST", closing(UPLOADS, CONTENT), PIECES, {**token, **framing})

    assert asked.status == 201
    assert content_of(repository, Digest.of(CONTENT)) == CONTENT


def test_a_large_chunk_goes_on_behind_a_small_one(
    repository: Repository, alone: Asking, token: Headers
) -> None:
    location = opened(alone, token)
    alone("PATCH", location, [CONTENT[:1000]], token)

    assert alone("PUT", closing(location, CONTENT), [CONTENT[1000:]], token).status == 201
    assert content_of(repository, Digest.of(CONTENT)) == CONTENT


def test_a_small_body_without_a_length_needs_no_view(
    repository: Repository, alone: Asking, token: Headers
) -> None:
    asked = alone("POST", closing(UPLOADS, b"hello"), [b"he", b"llo"], {**token, **CHUNKED})

    assert asked.status == 201
    assert content_of(repository, Digest.of(b"hello")) == b"hello"


def test_of_a_body_with_a_length_that_broke_off_what_came_counts(
    alone: Asking, door: Asking, token: Headers
) -> None:
    location = opened(alone, token)

    refused = alone("PATCH", location, PIECES, token, is_cut=True)

    assert refused.status == 400
    assert door("GET", location, headers=token).headers["range"] == f"0-{len(CONTENT) - 1}"


def test_of_a_body_whose_framing_broke_nothing_counts(
    alone: Asking, door: Asking, token: Headers
) -> None:
    location = opened(alone, token)

    refused = alone("PATCH", location, PIECES, {**token, **CHUNKED}, is_cut=True)

    assert refused.status == 400
    assert door("GET", location, headers=token).headers["range"] == "0-0"


@FRAMINGS
def test_a_blob_in_one_request_that_broke_off_leaves_nothing(
    alone: Asking, token: Headers, framing: Headers, store_root: Path
) -> None:
    alone("POST", closing(UPLOADS, CONTENT), PIECES, {**token, **framing}, is_cut=True)

    assert not Blob.objects.exists()
    assert_only_known_files_are_left(store_root)


def test_a_client_that_stalls_is_told_and_what_came_counts(
    alone: Asking, door: Asking, token: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "STALLED_SECONDS", 0.2)
    location = opened(alone, token)

    stalled = alone("PATCH", location, PIECES, {**token, "Content-Length": "9000000"}, stalls=True)

    assert stalled.status == 400
    assert door("GET", location, headers=token).headers["range"] == f"0-{len(CONTENT) - 1}"


def too_large(settings: Settings, _: pytest.MonkeyPatch) -> None:
    settings.MAXIMUM_LAYER_SIZE = "2M"


def full(_: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> int:
        raise StorageFull("the registry's storage is full")

    monkeypatch.setattr(FileWriter, "write", write)


def broken(_: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> int:
        raise RuntimeError

    monkeypatch.setattr(FileWriter, "write", write)


def unharmed(_: Settings, __: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with the registry."""


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
@pytest.mark.parametrize(
    ("harm", "digest", "content_range", "status"),
    [
        (unharmed, str(Digest.of(CONTENT + b"!")), "", {"PATCH": 202, "PUT": 400, "POST": 400}),
        (unharmed, "sha1:abc", "", {"PATCH": 202, "PUT": 400, "POST": 400}),
        (unharmed, "", "5-10", {"PATCH": 416, "PUT": 416, "POST": 416}),
        (unharmed, "", "0-10", {"PATCH": 400, "PUT": 400, "POST": 400}),
        (too_large, "", "", {"PATCH": 413, "PUT": 413, "POST": 413}),
        (full, "", "", {"PATCH": 507, "PUT": 507, "POST": 507}),
        (broken, "", "", {"PATCH": 500, "PUT": 500, "POST": 500}),
    ],
)
@FRAMINGS
def test_a_refusal_is_the_same_at_both_doors(
    views: Asking,
    door: Asking,
    token: Headers,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    harm: Callable[[Settings, pytest.MonkeyPatch], None],
    digest: str,
    content_range: str,
    status: Mapping[str, int],
    framing: Headers,
) -> None:
    addresses = [UPLOADS if method == "POST" else opened(ask, token) for ask in (views, door)]
    harm(settings, monkeypatch)
    headers = {**token, **framing, "Content-Range": content_range}

    answers = [
        ask(method, f"{address}?digest={digest or Digest.of(CONTENT)}", PIECES, headers)
        for ask, address in zip((views, door), addresses, strict=True)
    ]

    assert answers[0].status == status[method]
    assert answers[1].of_any_session() == answers[0].of_any_session()


class Sending:
    """Clients that are sending, on one event loop with the front door."""

    def __init__(self, token: Headers) -> None:
        self.door = FrontDoor(Transport(get_wsgi_application(), threads=2))
        self._token = token
        self.received = 0
        self.statuses: list[int] = []

    async def send(self, address: str, pieces: Sequence[bytes], go_on: asyncio.Event) -> None:
        coming = [part(piece, more=True) for piece in pieces]

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            if coming:
                self.received += 1
                return coming.pop(0)
            await go_on.wait()
            return part(b"", more=False)

        async def answered(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.statuses.append(message["status"])

        headers = {"host": "localhost", "transfer-encoding": "chunked", **self._token}
        named = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.door(scope("PATCH", address, named), receive, answered)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def test_who_sends_slowly_holds_no_thread(door: Asking, token: Headers) -> None:
    addresses = [opened(door, token) for _ in range(100)]
    sending, before = Sending(token), set(threading.enumerate())

    async def send_all() -> int:
        go_on = asyncio.Event()
        tasks = [
            asyncio.ensure_future(sending.send(address, PIECES[:5], go_on)) for address in addresses
        ]
        await until(lambda: transfers.uploads == 100 and sending.received == 500)
        count = len(set(threading.enumerate()) - before)
        go_on.set()
        await asyncio.gather(*tasks)
        return count

    threads = asyncio.run(send_all())
    sending.door.close()

    assert threads < 30
    assert sending.statuses == [202] * 100
    assert {each.offset for each in UploadSession.objects.all()} == {1_500_000}


def test_nothing_is_received_while_enough_waits_to_be_written(
    door: Asking, token: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write = threading.Event()
    write = FileWriter.write

    def slow(writer: FileWriter, pieces: Any) -> int:
        may_write.wait(30)
        return write(writer, pieces)

    monkeypatch.setattr(FileWriter, "write", slow)
    address, sending = opened(door, token), Sending(token)

    async def send() -> int:
        go_on = asyncio.Event()
        go_on.set()
        task = asyncio.ensure_future(sending.send(address, PIECES * 4, go_on))
        await until(lambda: sending.received >= 7)
        await asyncio.sleep(0.2)
        received = sending.received
        may_write.set()
        await task
        return received

    received = asyncio.run(send())
    sending.door.close()

    assert received == 7  # of 300,000 bytes: one MiB is written, and one waits
    assert sending.statuses == [202]


def test_an_upload_that_is_broken_off_by_the_server_lets_go_of_its_files(
    door: Asking, token: Headers
) -> None:
    address, sending = opened(door, token), Sending(token)

    async def break_off() -> None:
        task = asyncio.ensure_future(sending.send(address, PIECES, asyncio.Event()))
        await until(lambda: sending.received == len(PIECES))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await until(lambda: not _files_of_uploads())

    asyncio.run(break_off())
    sending.door.close()

    assert transfers.uploads == 0
    assert door("GET", address, headers=token).headers["range"] == "0-0"


def _files_of_uploads() -> list[str]:
    links = []
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            links.append(str(path.readlink()))
    return [link for link in links if "/uploads/" in link]


def test_what_waits_of_many_uploads_is_little() -> None:
    arrivals = Arrivals()

    arrivals._count = 1
    of_one = arrivals._batch_bytes()
    arrivals._count = 1000
    of_many = arrivals._batch_bytes()

    assert (of_one, of_many) == (1024 * 1024, 64 * 1024 * 1024 // 1000)


def test_who_asks_before_sending_is_not_told_to_send_what_nobody_takes(
    door: Asking, token: Headers
) -> None:
    location = opened(door, token).replace("-8", "-9")

    refused = door("PATCH", location, PIECES, {**token, "Expect": "100-continue"})

    assert (refused.status, refused.pieces_left) == (404, len(PIECES) + 1)


def test_who_asks_before_sending_needs_no_view(
    repository: Repository, alone: Asking, token: Headers
) -> None:
    headers = {**token, "Expect": "100-continue"}

    assert alone("POST", closing(UPLOADS, CONTENT), PIECES, headers).status == 201
    assert content_of(repository, Digest.of(CONTENT)) == CONTENT

"""The way from the event loop to the application and back, without a server."""

import asyncio
import io
import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from config.front_door import bodies, transport
from config.front_door.requests import environ_of
from config.front_door.shares import Holder, Place, Shares, ShareTaken
from config.front_door.transport import Transport
from config.web_server.exchange import FILE_MESSAGE
from registry.api.http.bodies import SMALL_BODY_BYTES, BodyBroken
from registry.storage.base import PIECE_BYTES
from registry.storage.files import FileReader
from tests.asgi import Header, scope

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
UPLOAD = "/v2/acme/web/blobs/uploads/1"
BROKEN = {"type": "http.disconnect"}


@dataclass
class Exchange:
    """One request and what came back. ``incoming`` ends with silence, as slow clients do."""

    incoming: list[dict[str, Any]]
    sent: list[dict[str, Any]] = field(default_factory=list)
    is_read: Callable[[], bool] = lambda: True

    async def receive(self) -> dict[str, Any]:
        if self.incoming:
            return self.incoming.pop(0)
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(self, message: Any) -> None:
        if message.get("more_body") and not self.is_read():
            await asyncio.sleep(3600)
        self.sent.append(dict(message))

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def is_whole(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body", False)


def piece(content: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


END = piece(b"", more=False)


def run(
    application: Application,
    exchange: Exchange,
    about: dict[str, Any],
    *,
    shares: Shares | None = None,
) -> Exchange:
    serve: Any = Transport(application, threads=4)
    serve.shares = shares or serve.shares
    served: Awaitable[None] = serve(about, exchange.receive, exchange.send)
    asyncio.run(asyncio.wait_for(served, 20))
    return exchange


class Reader:
    """An application that reads all of a body and says what it got."""

    def __init__(self) -> None:
        self.got: bytes | None = None
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.calls += 1
        content = b""
        try:
            while some := environ["wsgi.input"].read(100_000):
                content += some
            self.got = content
        except Exception as error:
            self.error = error
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Whole([b"done"])


class Whole(list[bytes]):
    streaming = False


KNOWN = [(b"authorization", b"Basic YTpi")]
VISITOR = [(b"cookie", b"sessionid=abc")]
CHUNKED = [(b"transfer-encoding", b"chunked")]


def sized(length: int) -> list[Header]:
    return [(b"content-length", str(length).encode())]


@pytest.mark.parametrize("headers", [CHUNKED, sized(600_000)], ids=["chunked", "sized"])
def test_a_large_body_is_read_as_it_was_sent(headers: list[Header]) -> None:
    reader, pieces = Reader(), [bytes([n]) * 200_000 for n in range(3)]

    exchange = run(reader, Exchange([*map(piece, pieces), END]), scope("PATCH", UPLOAD, headers))

    assert reader.got == b"".join(pieces)
    assert exchange.body == b"done"


@pytest.mark.parametrize("before", [[], [piece(b"{}")], [piece(b"x" * 300_000)]])
def test_a_body_whose_framing_broke_is_an_error_to_whoever_reads_it(
    before: list[dict[str, Any]],
) -> None:
    reader = Reader()

    run(reader, Exchange([*before, BROKEN]), scope("PUT", UPLOAD, CHUNKED))

    assert reader.got is None
    assert isinstance(reader.error, BodyBroken)


@pytest.mark.parametrize("path", ["/account/login/", "/v2/auth", "/api/v1/repository/a/b/tag/c"])
@pytest.mark.parametrize("headers", [CHUNKED, sized(100)], ids=["chunked", "sized"])
def test_a_broken_form_never_reaches_the_application(path: str, headers: list[Header]) -> None:
    reader = Reader()

    exchange = run(reader, Exchange([piece(b"a=1"), BROKEN]), scope("POST", path, headers))

    assert reader.calls == 0
    assert exchange.status == 400


@pytest.mark.parametrize("path", ["/account/login/", "/v2/auth", UPLOAD])
def test_a_small_body_that_does_not_come_takes_no_thread(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_SMALL_BODY_SECONDS", 0.1)
    reader = Reader()

    exchange = run(reader, Exchange([piece(b"a")]), scope("POST", path, sized(SMALL_BODY_BYTES)))

    assert reader.calls == 0
    assert exchange.status == 408


def test_an_upload_that_stalls_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STALLED_SECONDS", 0.1)
    reader = Reader()

    run(reader, Exchange([piece(b"a" * 10)]), scope("PATCH", UPLOAD, sized(900_000)))

    assert isinstance(reader.error, BodyBroken)


def test_a_form_in_chunks_has_a_length() -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return Whole([environ["wsgi.input"].read()])

    about = scope("PUT", "/api/v1/repository/a/b/tag/c", CHUNKED)
    exchange = run(application, Exchange([piece(b"{"), piece(b"}"), END]), about)

    assert exchange.body == b"{}"
    assert seen["CONTENT_LENGTH"] == "2"
    assert "HTTP_TRANSFER_ENCODING" not in seen


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"gzip,chunked", b"chunked, chunked"])
@pytest.mark.parametrize("path", [UPLOAD, "/account/login/"])
def test_a_body_in_another_transfer_encoding_is_not_understood(coding: bytes, path: str) -> None:
    reader = Reader()

    exchange = run(
        reader, Exchange([piece(b"x"), END]), scope("PATCH", path, [(b"transfer-encoding", coding)])
    )

    assert (reader.calls, exchange.status) == (0, 501)


def test_the_name_of_a_transfer_encoding_may_be_written_anyhow() -> None:
    reader = Reader()

    run(
        reader,
        Exchange([piece(b"x"), END]),
        scope("PATCH", UPLOAD, [(b"transfer-encoding", b"Chunked")]),
    )

    assert reader.got == b"x"


def test_a_form_in_chunks_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_GATHERED_BYTES", 1000)
    reader = Reader()

    exchange = run(
        reader, Exchange([piece(b"x" * 600)] * 2), scope("POST", "/account/login/", CHUNKED)
    )

    assert (reader.calls, exchange.status) == (0, 413)


def test_of_large_forms_only_so_many_are_received_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_LARGE_BODIES_AT_ONCE", 0)

    exchange = run(Reader(), Exchange([END]), scope("POST", "/account/login/", CHUNKED))

    assert exchange.status == 503


def test_an_answer_before_the_end_of_the_body_is_sent_at_once_and_the_rest_is_received() -> None:
    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("401 Unauthorized", [])
        return Whole([b"no"])

    incoming = [*[piece(b"x" * 100_000)] * 5, END]
    exchange = run(application, Exchange(incoming), scope("PATCH", UPLOAD, CHUNKED))

    assert exchange.status == 401
    assert exchange.incoming == []


def test_the_rest_of_a_body_is_received_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_DRAIN_BYTES", 250_000)

    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("401 Unauthorized", [])
        return Whole([b"no"])

    incoming = [piece(b"x" * 100_000)] * 5
    exchange = run(application, Exchange(list(incoming)), scope("PATCH", UPLOAD, CHUNKED))

    assert len(exchange.incoming) == 2


def test_who_waits_to_be_asked_for_a_body_is_not_asked_after_a_refusal() -> None:
    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("401 Unauthorized", [])
        return Whole([b"no"])

    headers = [*sized(10), (b"expect", b"100-continue")]
    exchange = run(application, Exchange([piece(b"x" * 10), END]), scope("PUT", UPLOAD, headers))

    assert len(exchange.incoming) == 2


class File:
    """A file of ``count`` pieces, and who read it."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.is_closed = False
        self.readers: set[str] = set()

    def read(self, _size: int = -1) -> bytes:
        self.readers.add(threading.current_thread().name)
        self.left -= 1
        return b"x" * 1000 if self.left >= 0 else b""

    def close(self) -> None:
        self.is_closed = True


def serving(file: File | FileReader) -> Application:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file, 1000)
        return wrapped

    return application


def test_a_file_is_sent_whole_and_closed() -> None:
    file = File(20)

    exchange = run(serving(file), Exchange([END]), scope("GET", "/v2/a/b/blobs/c"))

    assert exchange.body == b"x" * 20_000
    assert exchange.is_whole
    assert file.is_closed


class FileInMemory(File):
    def next_in_memory(self, _size: int) -> bytes | None:
        return self.read()


class FilePartlyInMemory(File):
    def next_in_memory(self, _size: int) -> bytes | None:
        return self.read() if self.left % 3 else None


def test_a_thread_reads_only_what_is_not_in_memory() -> None:
    file = FilePartlyInMemory(21)

    exchange = run(serving(file), Exchange([END]), scope("GET", "/v2/a/b/blobs/c"))

    assert exchange.body == b"x" * 21_000
    assert {reader.startswith("request") for reader in file.readers} == {True, False}


def test_what_is_in_memory_takes_no_thread() -> None:
    file = FileInMemory(2)

    run(serving(file), Exchange([END]), scope("GET", "/v2/a/b/blobs/c"))

    assert file.readers == {threading.current_thread().name}


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[FileReader]:
    """Bytes 1 to 300,000 of a file, which are in memory."""
    path = tmp_path / "file"
    path.write_bytes(b"-" + b"x" * 300_000)
    reader = FileReader(os.open(path, os.O_RDONLY), 1, 300_000)
    yield reader
    reader.close()


def test_what_is_in_memory_is_sent_by_a_server_that_can_without_being_read(
    stored: FileReader,
) -> None:
    about = {**scope("GET", "/v2/a/b/blobs/c"), "extensions": {FILE_MESSAGE: {}}}

    exchange = run(serving(stored), Exchange([END]), about)

    places = [m for m in exchange.sent if m["type"] == FILE_MESSAGE]
    assert [(place["offset"], place["count"]) for place in places] == [(1, 300_000)]


def test_what_is_in_memory_is_read_for_a_server_that_sends_no_files(stored: FileReader) -> None:
    exchange = run(serving(stored), Exchange([END]), scope("GET", "/v2/a/b/blobs/c"))

    assert exchange.body == b"x" * 300_000


def test_a_file_that_nobody_reads_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "STALLED_SECONDS", 0.1)
    file = File(20)

    exchange = run(
        serving(file), Exchange([END], is_read=lambda: False), scope("GET", "/v2/a/b/blobs/c")
    )

    assert file.is_closed
    assert exchange.body == b""


def test_a_file_whose_reader_left_is_read_no_further() -> None:
    file = File(10_000)

    run(serving(file), Exchange([END, BROKEN]), scope("GET", "/v2/a/b/blobs/c"))

    assert file.is_closed
    assert file.left > 9_000


def test_a_file_whose_reader_takes_too_little_is_sent_no_further(settings: Settings) -> None:
    settings.MAXIMUM_TRANSFER_SECONDS = -1
    file = File(20)

    exchange = run(serving(file), Exchange([END]), scope("GET", "/v2/a/b/blobs/c"))

    assert file.is_closed
    assert not exchange.is_whole


def test_a_body_that_comes_too_slowly_ends(settings: Settings) -> None:
    settings.MAXIMUM_TRANSFER_SECONDS = -1
    reader = Reader()

    run(reader, Exchange([piece(b"a" * 10)]), scope("PATCH", UPLOAD, sized(900_000)))

    assert isinstance(reader.error, BodyBroken)
    assert "MAXIMUM_TRANSFER_SECONDS" in reader.error.reason


def test_others_are_served_while_somebody_takes_all_that_is_sent_at_once() -> None:
    file, ticks = FileInMemory(500), 0

    async def both() -> None:
        nonlocal ticks
        exchange = Exchange([END])
        serve: Any = Transport(serving(file), threads=4)
        serving_it = asyncio.ensure_future(
            serve(scope("GET", "/v2/a/b/blobs/c"), exchange.receive, exchange.send)
        )
        while not serving_it.done():
            ticks += 1
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(both(), 20))

    assert ticks > 500


class Sizes:
    """A file without end that notes how much is asked for at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.left = 16 * 1024 * 1024

    def next_in_memory(self, size: int) -> bytes:
        self.asked.append(size)
        self.left -= size
        return b"x" * size if self.left >= 0 else b""

    read = next_in_memory

    def close(self) -> None:
        """Nothing is held."""


def test_one_download_comes_in_large_pieces() -> None:
    file: Any = Sizes()

    run(serving(file), Exchange([END]), scope("GET", "/v2/a/b/blobs/c"))

    assert set(file.asked) == {PIECE_BYTES}


def test_what_waits_for_many_slow_clients_is_little(settings: Settings) -> None:
    files = [Sizes() for _ in range(600)]

    async def all_of_them() -> None:
        applications = iter(files)

        def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            file: Any = next(applications)
            return serving(file)(environ, start_response)

        front: Any = Transport(application, threads=4)
        waiting = []
        for _ in files:
            exchange = Exchange([END], is_read=lambda: False)
            about = scope("GET", "/v2/a/b/blobs/c")
            waiting.append(asyncio.ensure_future(front(about, exchange.receive, exchange.send)))
        while not all(file.asked for file in files):
            await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(asyncio.wait_for(all_of_them(), 60))

    assert sum(sum(file.asked) for file in files) < 64 * 1024 * 1024


def test_a_large_answer_is_sent_as_it_is_read() -> None:
    content = bytes(range(256)) * 4096

    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Whole([content])

    exchange = run(application, Exchange([END]), scope("GET", "/helm/acme/index.yaml"))

    assert exchange.body == content
    assert len(exchange.sent) > 4  # its head, and four pieces


def test_a_large_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "STALLED_SECONDS", 0.1)

    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Whole([b"x" * 1_000_000])

    exchange = run(
        application, Exchange([END], is_read=lambda: False), scope("GET", "/helm/acme/index.yaml")
    )

    assert exchange.body == b""


class Taken(Shares):
    """In which one kind of places is taken by others."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    def require(self, place: Place, holder: Holder, amount: int = 1) -> None:
        if place is self._place:
            raise ShareTaken(f"too many {place.value} at once; try again shortly")
        super().require(place, holder, amount)

    def require_own(self, place: Place, holder: Holder, *, of: int) -> None:
        self.require(place, holder)


@pytest.mark.parametrize(
    ("place", "method", "path", "headers", "status"),
    [
        (Place.BODY, "POST", "/v2/auth", sized(3), 503),
        (Place.BODY, "POST", "/account/login/", sized(3), 503),
        (Place.CALL, "GET", "/v2/", [], 503),
        (Place.CALL, "GET", "/explore", [], 503),
        (Place.UPLOAD, "PATCH", UPLOAD, [*sized(900_000), *KNOWN], 429),
        (Place.CALL, "PATCH", UPLOAD, sized(900_000), 503),
        (Place.DOWNLOAD, "GET", "/v2/acme/web/blobs/c", [], 429),
    ],
)
def test_who_holds_a_whole_share_is_told_to_come_again(
    place: Place, method: str, path: str, headers: list[Header], status: int
) -> None:
    file = File(3)

    exchange = run(
        serving(file), Exchange([END]), scope(method, path, headers), shares=Taken(place)
    )

    sent = dict(exchange.sent[0]["headers"])
    assert exchange.status == status
    assert int(sent[b"retry-after"]) > 0
    assert sent[b"connection"] == b"close"
    assert file.is_closed or file.left == 3


@pytest.mark.parametrize(
    ("path", "query", "account", "status"),
    [
        ("/v2/acme/web/blobs/uploads/", "", "user:1", 429),
        ("/v2/acme/web/blobs/uploads", "digest=sha256:0", "user:1", 429),
        ("/v2/acme/web/blobs/uploads/", "mount=sha256:0&from=b/c", "user:1", 200),
        ("/v2/acme/web/blobs/uploads/", "", "", 200),  # who is told to log in
    ],
)
def test_who_holds_all_places_for_uploads_opens_none(
    path: str, query: str, account: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Holder, "of", lambda _: Holder("192.0.2.1", account))
    about = scope("POST", path, query=query)

    exchange = run(serving(File(3)), Exchange([END]), about, shares=Taken(Place.UPLOAD))

    assert exchange.status == status


def test_places_are_given_back_whatever_happens() -> None:
    shares = Shares()
    for about, incoming in [
        (scope("GET", "/v2/a/b/blobs/c"), [END]),
        (scope("PATCH", UPLOAD, CHUNKED), [piece(b"x"), BROKEN]),
        (scope("POST", "/v2/auth", sized(3)), [BROKEN]),
        (scope("GET", "/v2/a/b/blobs/c"), [END, BROKEN]),
    ]:
        run(serving(File(3)), Exchange(incoming), about, shares=shares)

    assert shares.count == 0


@pytest.mark.parametrize(
    ("path", "headers", "beside", "beside_headers"),
    [
        ("/v2/auth", KNOWN, "/v2/a/b/tags/list", KNOWN),
        ("/v2/", [], "/v2/", KNOWN),
        ("/explore", [], "/explore", VISITOR),
        ("/explore", VISITOR, "/v2/", KNOWN),
        ("/helm/acme/index.yaml", KNOWN, "/v2/auth", KNOWN),
        ("/v2/", KNOWN, "/explore", VISITOR),
        ("/explore", [], "/readyz", []),
        ("/readyz", [], "/livez", []),
    ],
)
def test_requests_of_one_kind_leave_threads_for_the_others(
    path: str, headers: list[Header], beside: str, beside_headers: list[Header]
) -> None:
    go_on = threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["QUERY_STRING"] == "held":
            go_on.wait(20)
        start_response("200 OK", [])
        return Whole([b"done"])

    async def ask() -> int:
        serve: Any = Transport(application, threads=4)
        held = []
        for _ in range(40):
            waits = Exchange([END])
            about = scope("GET", path, headers, query="held")
            held.append(asyncio.ensure_future(serve(about, waits.receive, waits.send)))
        await asyncio.sleep(0.05)
        quick = Exchange([END])
        await serve(scope("GET", beside, beside_headers), quick.receive, quick.send)
        go_on.set()
        await asyncio.gather(*held)
        return quick.status

    assert asyncio.run(asyncio.wait_for(ask(), 20)) == 200


def test_a_request_waits_for_a_thread_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_QUEUE_SECONDS", 0.1)
    go_on = threading.Event()

    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        go_on.wait(20)
        start_response("200 OK", [])
        return Whole([b"done"])

    async def ask() -> list[int]:
        serve: Any = Transport(application, threads=1)
        exchanges = [Exchange([END]) for _ in range(2)]
        asked = [
            asyncio.ensure_future(serve(scope("GET", "/v2/", KNOWN), one.receive, one.send))
            for one in exchanges
        ]
        await asked[1]
        go_on.set()
        await asked[0]
        return [exchange.status for exchange in exchanges]

    assert asyncio.run(asyncio.wait_for(ask(), 20)) == [200, 503]


def test_a_probe_whose_answer_does_not_come_is_told_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_PROBE_SECONDS", 0.1)
    go_on = threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        go_on.wait(20)
        start_response("200 OK", [])
        return Whole([b"done"])

    async def ask() -> int:
        serve: Any = Transport(application, threads=4)
        exchange = Exchange([END])
        try:
            await serve(scope("GET", "/readyz", []), exchange.receive, exchange.send)
        finally:
            go_on.set()
        return exchange.status

    assert asyncio.run(asyncio.wait_for(ask(), 20)) == HTTPStatus.SERVICE_UNAVAILABLE


def test_of_streams_that_hold_a_thread_there_are_only_a_few() -> None:
    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return iter([b"row"] * 3)

    async def ask() -> list[int]:
        serve: Any = Transport(application, threads=4)
        is_read = False
        slow = [Exchange([END], is_read=lambda: is_read) for _ in range(4)]
        held = [
            asyncio.ensure_future(serve(scope("GET", "/e", VISITOR), one.receive, one.send))
            for one in slow
        ]
        await asyncio.sleep(0.2)
        last = Exchange([END])
        await serve(scope("GET", "/e", VISITOR), last.receive, last.send)
        assert not any(task.done() for task in held)
        return [*[one.status for one in slow], last.status]

    assert asyncio.run(asyncio.wait_for(ask(), 20)) == [200] * 4 + [503]


def test_a_stream_is_read_by_the_thread_that_made_it() -> None:
    threads: list[str] = []

    def pieces() -> Iterator[bytes]:
        for _ in range(5):
            threads.append(threading.current_thread().name)
            yield b"row\n"

    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        threads.append(threading.current_thread().name)
        start_response("200 OK", [])
        return pieces()

    exchange = run(application, Exchange([END]), scope("GET", "/export"))

    assert exchange.body == b"row\n" * 5
    assert len(set(threads)) == 1


def test_names_with_an_underscore_are_no_headers() -> None:
    environ = environ_of(
        scope(
            "GET",
            "/",
            [
                (b"x-docker-token", b"true"),
                (b"x_docker_token", b"false"),
                (b"content_length", b"5"),
            ],
        )
    )

    assert environ["HTTP_X_DOCKER_TOKEN"] == "true"
    assert "CONTENT_LENGTH" not in environ


def test_headers_of_one_name_are_one_list() -> None:
    headers = [
        (b"accept", b"a"),
        (b"accept", b"b"),
        (b"cookie", b"c=1"),
        (b"cookie", b"d=2"),
    ]

    environ = environ_of(scope("GET", "/a%20b/%C3%A4", headers))

    assert environ["HTTP_ACCEPT"] == "a,b"
    assert environ["HTTP_COOKIE"] == "c=1; d=2"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a b/ä"


def test_a_form_for_which_the_machine_has_no_room_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full(io.BytesIO):
        def write(self, _content: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(bodies, "SpooledTemporaryFile", lambda **_: Full())
    reader = Reader()

    exchange = run(
        reader, Exchange([piece(b"a=1"), END]), scope("POST", "/account/login/", sized(3))
    )

    assert reader.calls == 0
    assert exchange.status == 503

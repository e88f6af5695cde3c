"""Connections of HTTP/1.1: what a client sees that sends bytes to the web server."""

import asyncio
import hashlib
import random
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.serving.tls import ensure_certificate, server_context
from config.web_server import connection as connection_module
from config.web_server import listening as listening_module
from config.web_server import peers as peers_module
from config.web_server.exchange import (
    BODY,
    FILE_MESSAGE,
    Body,
    BodyGone,
    Message,
    Receive,
    Scope,
    Send,
    head_of,
)
from config.web_server.limits import listen
from config.web_server.server import Server

GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
DEADLINE_SECONDS = 10


@dataclass
class Running:
    server: Server
    port: int
    seen: list[str]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_SECONDS)

    def ask(self, content: bytes) -> bytes:
        """All that is answered until the server ends the connection."""
        with self.connect() as connection:
            connection.sendall(content)
            return read_all(connection)

    def saw(self, what: str, *, times: int = 1) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self.seen.count(what) < times:
            assert time.monotonic() < deadline, self.seen
            time.sleep(0.01)


def read_all(connection: socket.socket) -> bytes:
    got = b""
    try:
        while some := connection.recv(65536):
            got += some
    except ConnectionResetError:
        got += b"<reset>"
    return got


def read_until(connection: socket.socket, end: bytes) -> bytes:
    got = b""
    while end not in got:
        some = connection.recv(65536)
        assert some, got
        got += some
    return got


@contextmanager
def running(application: Any, **options: Any) -> Iterator[Running]:
    seen: list[str] = []

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        await application(scope, receive, send, seen.append)

    with closing(listen("127.0.0.1", 0)) as listener:
        server = Server(noted, listener, **{"most": 64, **options})
        thread = threading.Thread(
            target=lambda: server.loop.run_until_complete(server.serve()), daemon=True
        )
        thread.start()
        try:
            yield Running(server, listener.getsockname()[1], seen)
        finally:
            server.loop.call_soon_threadsafe(server.stop)
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()


async def answer(
    send: Send, body: bytes, *, status: int = 200, headers: Mapping[bytes, bytes] | None = None
) -> None:
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": list((headers or {}).items())})
    await send({"type": "http.response.body", "body": body})


async def say_path(scope: Scope, receive: Receive, send: Send, see: Callable[[str], None]) -> None:
    """Also waits, reads, or fails, when the path asks for it."""
    path = scope["raw_path"].decode()
    see(path)
    if path == "/slow":
        await asyncio.sleep(0.2)
    if path == "/read":
        message = await receive()
        see(message["type"])
    if path == "/fail":
        raise RuntimeError("on purpose")
    if path == "/pieces":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"one", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    if path == "/half":
        headers = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("on purpose")
    if path == "/lines":
        await answer(send, b"", headers={b"location": b"/a\r\nset-cookie: b=c"})
    if path == "/short":
        await answer(send, b"short", headers={b"content-length": b"10"})
        return
    await answer(send, path.encode())


@pytest.fixture(scope="module")
def paths() -> Iterator[Running]:
    with running(say_path) as paths:
        yield paths


def test_requests_that_came_together_are_answered_in_turn(paths: Running) -> None:
    content = GET % b"slow" + GET % b"b" + b"GET /c HTTP/1.1\r\nConnection: close\r\n\r\n"

    got = paths.ask(content)

    assert re.findall(rb"\r\n\r\n(/[a-z]+)", got) == [b"/slow", b"/b", b"/c"]


def test_who_sends_ever_more_requests_without_reading_is_cut_off(paths: Running) -> None:
    got = paths.ask(GET % b"slow" + GET % b"b" * 200)

    assert got.count(b"HTTP/1.1 200") == 9
    assert got.count(b"HTTP/1.1 400") == 1


def test_a_connection_is_kept_for_the_next_request(paths: Running) -> None:
    with paths.connect() as connection:
        connection.sendall(GET % b"a")
        read_until(connection, b"/a")
        connection.sendall(GET % b"b")

        assert b"/b" in read_until(connection, b"/b")


def test_a_client_of_the_first_version_gets_an_answer_that_ends_with_the_connection(
    paths: Running,
) -> None:
    got = paths.ask(b"GET /pieces HTTP/1.0\r\n\r\n")

    assert got.endswith(b"connection: close\r\n\r\nonetwo")


def test_an_answer_of_unknown_length_comes_in_chunks(paths: Running) -> None:
    got = paths.ask(b"GET /pieces HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert got.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_an_answer_to_head_is_a_head(paths: Running) -> None:
    got = paths.ask(b"HEAD /ab HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert got.endswith(b"connection: close\r\n\r\n")


def test_every_answer_says_when_it_was_made(paths: Running) -> None:
    got = paths.ask(b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert re.search(rb"\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", got)


def test_a_target_with_scheme_and_host_means_its_path(paths: Running) -> None:
    got = paths.ask(b"GET http://a/b?c HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert got.endswith(b"\r\n\r\n/b")


def test_a_failure_is_an_answer_that_ends_the_connection(paths: Running) -> None:
    got = paths.ask(GET % b"fail")

    assert got.startswith(b"HTTP/1.1 500 ")


def test_an_answer_that_breaks_off_does_not_look_whole(paths: Running) -> None:
    head, _, body = paths.ask(GET % b"half").partition(b"\r\n\r\n")

    assert (b"content-length: 10" in head, body) == (True, b"half")


def test_an_answer_with_fewer_bytes_than_it_says_is_none(paths: Running) -> None:
    assert paths.ask(GET % b"short").startswith(b"HTTP/1.1 500 ")


def test_a_header_cannot_begin_another(paths: Running) -> None:
    assert b"set-cookie" not in paths.ask(GET % b"lines")


def test_who_asks_before_sending_is_told_to_when_the_body_is_read(paths: Running) -> None:
    headers = b"Connection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    head = b"PUT /%b HTTP/1.1\r\n" + headers

    with paths.connect() as connection:
        connection.sendall(head % b"read")
        assert read_until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ab")
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
    assert paths.ask(head % b"unread").startswith(b"HTTP/1.1 200 ")


def test_a_body_that_nobody_reads_ends_the_connection(paths: Running) -> None:
    head = b"PUT /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\n"

    assert paths.ask(head).count(b"HTTP/1.1 200") == 1


def test_what_follows_a_wish_for_another_protocol_is_not_read(paths: Running) -> None:
    wish = b"GET /a HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"

    got = paths.ask(wish + GET % b"b")

    assert re.findall(rb"\r\n\r\n(/[a-z]+)", got) == [b"/a"]


async def wait_for_the_end(
    _scope: Scope, receive: Receive, _send: Send, see: Callable[[str], None]
) -> None:
    while (message := await receive())["type"] == "http.request":
        see("asked" if not message["more_body"] else "more")
    see(message["type"])


def test_the_application_learns_that_the_client_is_gone() -> None:
    with running(wait_for_the_end) as server:
        with server.connect() as connection:
            connection.sendall(GET % b"a")
            server.saw("asked")

        server.saw("http.disconnect")


async def take_a_piece_in_a_while(
    _scope: Scope, receive: Receive, send: Send, see: Callable[[str], None]
) -> None:
    see("asked")
    await asyncio.sleep(0.3)
    size, most = 0, 0
    is_whole = False
    while not is_whole:
        message: Message = await receive()
        if message["type"] != "http.request":
            return
        size, most = size + len(message["body"]), max(most, len(message["body"]))
        is_whole = not message["more_body"]
    await answer(send, f"{size} {most}".encode(), headers={b"connection": b"close"})


def test_little_of_a_body_is_received_before_it_is_asked_for() -> None:
    size = 8 * 1024 * 1024
    with running(take_a_piece_in_a_while) as server, server.connect() as connection:
        connection.sendall(b"PUT /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
        connection.sendall(bytes(size))
        body = read_all(connection).partition(b"\r\n\r\n")[2]

    received, most = map(int, body.split())
    assert received == size
    assert most <= (64 + 256) * 1024


PLACE_BYTES = 100_000


async def fill_places(
    scope: Scope, receive: Receive, send: Send, see: Callable[[str], None]
) -> None:
    """Takes a body in turn as memory of its own and as messages; answers with its digest."""
    body: Body = scope[BODY]
    hasher, count = hashlib.sha256(), 0
    while not body.is_taken:
        count += 1
        if scope["raw_path"] == b"/mixed" and count % 3 == 0:
            hasher.update((await receive())["body"])
            continue
        place = memoryview(bytearray(PLACE_BYTES))
        try:
            async with asyncio.timeout(0.05):
                size = await body.fill(place)
        except TimeoutError:
            see("nothing came")
            continue
        except BodyGone:
            see("gone")
            return
        hasher.update(place[:size])
    await answer(send, hasher.hexdigest().encode())


@pytest.fixture(scope="module")
def places() -> Iterator[Running]:
    with running(fill_places) as server:
        yield server


CONTENT = random.Random(7).randbytes(3_000_001)
DIGEST = hashlib.sha256(CONTENT).hexdigest().encode()


def sized(path: bytes) -> bytes:
    return b"PUT /%b HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (path, len(CONTENT)) + CONTENT


@pytest.mark.parametrize("path", [b"places", b"mixed"])
def test_a_body_comes_whole_into_memory_of_the_application(places: Running, path: bytes) -> None:
    with places.connect() as connection:
        connection.sendall(sized(path))

        assert read_until(connection, DIGEST)


def test_what_follows_such_a_body_is_another_request(places: Running) -> None:
    empty = hashlib.sha256().hexdigest().encode()
    with places.connect() as connection:
        connection.sendall(sized(b"places") + GET % b"next")

        got = read_until(connection, empty)

    assert got.count(b"HTTP/1.1 200 OK") == 2


def test_what_comes_while_nobody_waits_any_more_is_there_for_the_next(places: Running) -> None:
    content = sized(b"places")
    with places.connect() as connection:
        for start in range(0, len(content), 700_000):
            connection.sendall(content[start : start + 700_000])
            time.sleep(0.07)

        assert read_until(connection, DIGEST)
    places.saw("nothing came")


def test_chunks_come_into_memory_of_the_application_too(places: Running) -> None:
    pieces = [CONTENT[start : start + 77_777] for start in range(0, len(CONTENT), 77_777)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    with places.connect() as connection:
        connection.sendall(b"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(chunks + b"0\r\n\r\n")

        assert read_until(connection, DIGEST)


def test_who_fills_memory_learns_that_the_client_is_gone(places: Running) -> None:
    with places.connect() as connection:
        connection.sendall(sized(b"places")[:1_000_000])

    places.saw("gone")


def test_nothing_counts_as_held_after_its_client_is_gone() -> None:
    with running(take_a_piece_in_a_while) as server:
        with server.connect() as connection:
            connection.sendall(b"PUT /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + bytes(1000))
            server.saw("asked")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while server.server.held_bytes or server.server._peers:
            assert time.monotonic() < deadline
            time.sleep(0.01)


async def send_without_end(
    _scope: Scope, _receive: Receive, send: Send, see: Callable[[str], None]
) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1000):
        await send({"type": "http.response.body", "body": bytes(1024 * 1024), "more_body": True})
        see("sent")


def test_who_does_not_read_is_sent_no_more_than_there_is_room_for() -> None:
    with running(send_without_end) as server, server.connect() as connection:
        connection.sendall(GET % b"a")
        connection.recv(1000)
        time.sleep(0.3)

        assert len(server.seen) < 4


FILE = bytes(range(256)) * (32 * 1024)  # more than a connection holds in the system


@pytest.fixture
def sends_file(tmp_path: Path) -> Callable[..., Any]:
    """An application that sends all of a file but its first byte, and says how that ended."""
    path = tmp_path / "file"
    path.write_bytes(b"-" + FILE)

    def made(size: int = len(FILE)) -> Any:
        async def application(
            scope: Scope, _receive: Receive, send: Send, see: Callable[[str], None]
        ) -> None:
            if scope["raw_path"] != b"/file":
                await answer(send, scope["raw_path"])
                return
            headers = [(b"content-length", b"%d" % size)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            with path.open("rb") as file:
                place = {"file": file.fileno(), "offset": 1, "count": size}
                try:
                    await send({"type": FILE_MESSAGE, **place, "more_body": True})
                except Exception as error:
                    see(type(error).__name__)
                    raise
            await send({"type": "http.response.body", "body": b""})

        return application

    return made


def test_a_file_is_sent_as_it_is_from_where_it_was_asked_for(sends_file: Any) -> None:
    with running(sends_file()) as server, server.connect() as connection:
        connection.sendall(GET % b"file" + GET % b"next")

        got = read_until(connection, b"/next")

    _, _, behind = got.partition(b"\r\n\r\n")
    assert behind[: len(FILE)] == FILE
    assert behind[len(FILE) :].startswith(b"HTTP/1.1 200 OK\r\n")


def test_others_are_answered_while_a_file_waits_for_its_client(sends_file: Any) -> None:
    with running(sends_file()) as server, server.connect() as slow:
        slow.sendall(GET % b"file")
        slow.recv(10)

        got = server.ask(b"GET /other HTTP/1.0\r\n\r\n")

        assert got.endswith(b"/other")


def test_a_file_that_is_shorter_than_promised_does_not_look_whole(sends_file: Any) -> None:
    with running(sends_file(len(FILE) + 1)) as server, server.connect() as connection:
        connection.sendall(GET % b"file")

        got = read_all(connection).removesuffix(b"<reset>")

        assert got.partition(b"\r\n\r\n")[2] in FILE
        server.saw("AnswerMalformed")


def test_a_file_of_which_nothing_is_taken_for_too_long_ends(
    sends_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "STALLED_SECONDS", 0.3)
    with running(sends_file()) as server, server.connect() as connection:
        connection.sendall(GET % b"file")

        server.saw("TimeoutError")
        assert len(read_all(connection)) < len(FILE)


def test_a_file_goes_on_for_a_client_that_takes_some_of_it_in_time(
    sends_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "STALLED_SECONDS", 1)
    with running(sends_file()) as server, server.connect() as connection:
        connection.sendall(b"GET /file HTTP/1.0\r\n\r\n")
        got = b""
        for _ in range(8):
            time.sleep(0.25)
            got += connection.recv(len(FILE) // 8, socket.MSG_WAITALL)
        got += read_all(connection)

    assert got.endswith(FILE)


def test_a_file_for_a_client_that_is_gone_already_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(FILE)

    async def late(_scope: Scope, receive: Receive, send: Send, see: Callable[[str], None]) -> None:
        see("asked")
        while (await receive())["type"] != "http.disconnect":
            continue
        await asyncio.sleep(0.1)
        headers = [(b"content-length", b"%d" % len(FILE))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with (tmp_path / "file").open("rb") as file:
            place = {"file": file.fileno(), "offset": 0, "count": len(FILE)}
            try:
                await send({"type": FILE_MESSAGE, **place, "more_body": True})
            except ConnectionError:
                see("gone")

    with running(late) as server:
        with server.connect() as connection:
            connection.sendall(GET % b"file")
            server.saw("asked")

        server.saw("gone")


def test_a_file_is_let_go_when_its_client_is_gone(sends_file: Any) -> None:
    with running(sends_file()) as server:
        with server.connect() as connection:
            connection.sendall(GET % b"file")
            connection.recv(10)

        deadline = time.monotonic() + DEADLINE_SECONDS
        while server.server._answering:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("sent", [b"", b"GET /a HT", GET % b"a"], ids=["silent", "half", "idle"])
def test_a_head_has_a_deadline(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_module, "HEAD_SECONDS", 1)
    with running(say_path) as server:
        got = server.ask(sent)

    assert got.count(b"HTTP/1.1 200") == sent.count(b"Host")


def test_no_more_connections_are_taken_than_have_requests_under_way() -> None:
    with running(wait_for_the_end, most=2) as server:
        busy = [server.connect(), server.connect()]
        for connection in busy:
            connection.sendall(GET % b"a")
        server.saw("asked", times=2)
        with server.connect() as third:
            third.sendall(GET % b"third")
            time.sleep(0.3)
            assert server.seen == ["asked"] * 2
            for connection in busy:
                connection.close()
            server.saw("asked", times=3)


def test_where_there_are_too_many_the_one_that_waits_for_longest_ends() -> None:
    with running(say_path, most=2) as server, server.connect() as first, server.connect() as second:
        for connection in (first, second):
            connection.sendall(GET % b"a")
            read_until(connection, b"/a")
        with server.connect() as third:
            third.sendall(GET % b"third")

            assert read_until(third, b"/third")
            assert read_all(first) == b""
        second.sendall(GET % b"b")
        read_until(second, b"/b")


def test_an_address_past_its_share_is_refused_while_its_requests_are_under_way() -> None:
    with running(wait_for_the_end, share_of=lambda _: 2) as server, server.connect() as busy:
        busy.sendall(GET % b"a")
        server.saw("asked")
        with server.connect() as refused:
            assert read_all(refused) == b""
        busy.close()
        server.saw("http.disconnect")


def test_an_address_past_its_share_loses_the_connection_that_waits() -> None:
    with running(say_path, share_of=lambda _: 2) as server, server.connect() as first:
        first.sendall(GET % b"a")
        read_until(first, b"/a")
        with server.connect() as second:
            second.sendall(GET % b"b")

            assert read_until(second, b"/b")
            assert read_all(first) == b""


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    return server_context(
        ensure_certificate(data=folder, names=["localhost"], now=datetime.now(UTC))
    )


BEGUN_HANDSHAKE = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def test_a_handshake_has_a_deadline(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening_module, "_HANDSHAKE_SECONDS", 1)
    with running(say_path, tls=tls) as server:
        assert server.ask(BEGUN_HANDSHAKE) == b""


def test_a_handshake_under_way_gives_way_to_another(tls: ssl.SSLContext) -> None:
    with running(say_path, tls=tls, share_of=lambda _: 2) as server, server.connect() as begun:
        begun.sendall(BEGUN_HANDSHAKE)
        time.sleep(0.1)
        with spoken_to(server) as second:
            second.sendall(GET % b"b")

            assert b"/b" in read_until(second, b"/b")
            assert read_all(begun) == b""


def test_a_client_cannot_agree_on_new_keys_again_and_again(tls: ssl.SSLContext) -> None:
    command = ["openssl", "s_client", "-tls1_2", "-legacy_renegotiation", "-connect"]
    with running(say_path, tls=tls) as server:
        asked = subprocess.run(
            [*command, f"127.0.0.1:{server.port}"],
            input=b"R\n",
            capture_output=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    assert b"no renegotiation" in asked.stderr


@contextmanager
def spoken_to(server: Running) -> Iterator[ssl.SSLSocket]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with server.connect() as plain, context.wrap_socket(plain) as spoken:
        yield spoken


@dataclass
class AtOnce:
    body: bytes
    head: bytes = head_of(200, [(b"content-length", b"4")])


def test_so_many_requests_are_answered_at_once_and_no_more_in_one_read() -> None:
    ready = AtOnce(b"once")
    with running(say_path, at_once=lambda _scope: ready) as server:
        got = server.ask(GET % b"once" * 200)

    assert got.count(b"HTTP/1.1 200") == 9
    assert got.count(b"HTTP/1.1 400") == 1


async def send_much(
    _scope: Scope, _receive: Receive, send: Send, see: Callable[[str], None]
) -> None:
    see("asked")
    await answer(send, bytes(4 * 1024 * 1024))


def test_who_takes_no_answer_waits_as_one_that_asks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peers_module, "HEAD_SECONDS", 1)
    monkeypatch.setattr(peers_module, "STALLED_SECONDS", 1)
    with running(send_much) as server, server.connect() as deaf:
        deaf.sendall(GET % b"a" * 10)
        server.saw("asked")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(server.server._peers):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    assert server.seen == ["asked"]


def test_the_next_request_is_answered_once_the_last_answer_is_taken() -> None:
    with running(send_much) as server, server.connect() as slow:
        slow.sendall(GET % b"a" * 2 + GET.replace(b"Host", b"Connection: close\r\nHost") % b"a")
        server.saw("asked")
        time.sleep(0.2)
        assert len(server.seen) == 1

        assert read_all(slow).count(b"HTTP/1.1 200") == 3


def test_what_is_under_way_is_answered_before_the_server_stops() -> None:
    with running(say_path) as server, server.connect() as idle, server.connect() as busy:
        idle.sendall(GET % b"a")
        read_until(idle, b"/a")
        busy.sendall(GET % b"slow")
        server.saw("/slow")

        server.server.loop.call_soon_threadsafe(server.server.stop)

        assert read_all(idle) == b""
        assert read_all(busy).endswith(b"connection: close\r\n\r\n/slow")


def test_what_can_be_answered_at_once_waits_for_what_was_asked_before() -> None:
    asked: list[str] = []

    def at_once(scope: Scope) -> AtOnce | None:
        asked.append(scope["raw_path"].decode())
        return AtOnce(b"once") if scope["raw_path"] == b"/once" else None

    with running(say_path, at_once=at_once) as server:
        got = server.ask(
            GET % b"once" + GET % b"slow" + b"GET /once HTTP/1.1\r\nConnection: close\r\n\r\n"
        )

    assert re.findall(rb"\r\n\r\n(/?[a-z]+)", got) == [b"once", b"/slow", b"/once"]
    assert asked == ["/once", "/slow"]

"""A connection of HTTP/1.1: llhttp takes requests apart, and an application answers them in turn.

Everything that a client may send without end has a bound here, and every wait for it a deadline:
the server ends connections whose head does not come, the application bodies and answers.

Source: RFC 9112. What may be read in two ways is refused: a length beside chunks, two lengths.
"""

import asyncio
import logging
import os
from collections import deque
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
    parse_url,
)

from config.web_server.exchange import (
    AHEAD_BYTES,
    FILE_MESSAGE,
    AnswerMalformed,
    Exchange,
    Scope,
    head_of,
)
from config.web_server.limits import STALLED_SECONDS

if TYPE_CHECKING:
    from config.web_server.server import Server

logger = logging.getLogger(__name__)

HEAD_BYTES: Final = 64 * 1024
HEADERS: Final = 100

# Of a body in chunks: sizes, extensions and trailers, beside what is in them.
_FRAMING_BYTES: Final = 16 * 1024
_FRAMING_PER_BYTE: Final = 8  # a chunk of one byte is legal, and takes five more
# Requests that came before the last was answered, and that are read together: an answer at once
# takes its time from everybody, and headers take thirty times as much memory as they had bytes.
_PIPELINED: Final = 8
_WRITTEN_AHEAD_BYTES: Final = 64 * 1024
# Of a body in chunks, taken apart at once: so much more of their framing may come than it may have.
_SLICE_BYTES: Final = 32 * 1024
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


class _Refused(Exception):
    """What comes is not taken apart any further, and the connection ends."""

    def __init__(self, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(status)
        self.status = status


class Connection(asyncio.BufferedProtocol):
    """Reads into the server's buffer: what is kept of it is copied once."""

    def __init__(self, server: "Server", network: str) -> None:
        """``network``: to whom the address at the other end belongs."""
        self.network = network
        self._server = server
        self._parser = HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._about: Scope = {}
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._is_in_head = True
        self._framing_left = 0  # bytes
        # Bytes of a body that has a length. Those that come after the head are only counted.
        self._body_left = 0
        self._buffer = server.head_buffer  # what is read into
        self._arriving: Exchange | None = None  # whose body comes, or came last
        self._answering: Exchange | None = None
        self._next: deque[Exchange] = deque()
        self._together = 0  # requests of one read
        self._status: HTTPStatus | None = None  # which what came last is refused with
        self._is_refused = False
        self._is_chunked = False
        self._is_placing = False
        self._is_reading = True
        self._room: asyncio.Future[None] | None = None  # while the client takes nothing
        self._is_gone = False

    @property
    def date(self) -> bytes:
        return self._server.date

    @property
    def is_ending(self) -> bool:
        return self._server.is_stopping

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITTEN_AHEAD_BYTES)
        peer = transport.get_extra_info("peername")
        local = transport.get_extra_info("sockname")
        is_tls = transport.get_extra_info("sslcontext") is not None
        self._about = {
            "type": "http",
            "asgi": _ASGI,
            "scheme": "https" if is_tls else "http",
            "client": (str(peer[0]), int(peer[1])) if peer else ("", 0),
            "server": (str(local[0]), int(local[1])) if local else ("", 0),
            "root_path": "",
            "extensions": {} if is_tls else {FILE_MESSAGE: {}},
        }
        self._server.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_gone = True
        self._server.remove(self)
        self.resume_writing()
        if self._answering:
            self._answering.break_off()
        for exchange in self._next:
            exchange.forget()
        self._next.clear()

    def eof_received(self) -> bool:
        self._server.leave(self)
        return False  # who sends no more is gone

    def get_buffer(self, sizehint: int) -> memoryview:
        place = self._arriving.place if self._arriving and self._body_left > 0 else None
        if place:
            self._buffer = place[: self._body_left]
        else:
            self._buffer = self._server.head_buffer if self._is_in_head else self._server.buffer()
        self._is_placing = bool(place)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._is_placing:
            self._note_placed(nbytes)
            return
        self._together = 0
        buffer, step = self._buffer, _SLICE_BYTES if self._is_chunked else nbytes
        try:
            for start in range(0, nbytes, step):
                self._feed(buffer[start : min(start + step, nbytes)])
        except HttpParserUpgrade:
            self._refuse(None)  # this was answered as any other; what follows is no HTTP
        except _Refused as refused:
            self._refuse(refused.status)
        except HttpParserCallbackError as error:  # raised by one of ours
            if isinstance(error.__context__, _Refused):
                self._refuse(error.__context__.status)
            else:
                logger.exception("a request failed in the web server")
                self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
        except HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST)

    def _feed(self, data: memoryview) -> None:
        """Raises ``_Refused`` and what the parser does."""
        if self._is_refused or self._is_gone:
            return
        if self._body_left > 0 and not self._is_in_head:
            some = data[: self._body_left]
            self.on_body(bytes(some))
            self._end_counted()
            data = data[len(some) :]
            if not data:
                return
        if self._is_in_head:
            self._head_bytes += len(data)
        elif self._is_chunked:
            self._framing_left -= len(data)
        self._parser.feed_data(data)
        if self._is_in_head and self._head_bytes > HEAD_BYTES:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._framing_left < 0:
            raise _Refused

    def _note_placed(self, size: int) -> None:
        """Bytes of the body went to where the application wants them."""
        self._body_left -= size
        if self._arriving:
            self._arriving.note_placed(size)
        self._end_counted()

    def _end_counted(self) -> None:
        """At the end of a body that the parser saw the beginning of: it would wait for the rest."""
        if not self._body_left:
            self._parser = HttpRequestParser(self)
            self.on_message_complete()

    def pause_writing(self) -> None:
        if self._room is None:
            self._room = self._server.loop.create_future()

    def resume_writing(self) -> None:
        if self._room and not self._room.done():
            self._room.set_result(None)
        self._room = None
        if self._answering is None:
            self._go_on()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._url, self._headers = b"", []
        self._head_bytes = self._head_bytes or 1
        if self._answering is None:
            self._server.wait_for_head(self)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_in_head:
            return  # a trailer, which nobody reads
        self._headers.append((name.lower(), value or b""))
        if len(self._headers) > HEADERS:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._together += 1
        if self._together > 1 + _PIPELINED:
            raise _Refused
        scope, is_empty, is_continued = self._scope()
        self._is_in_head, self._head_bytes, self._framing_left = False, 0, _FRAMING_BYTES
        parser = self._parser
        keeps_alive = (
            scope["http_version"] == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self._server.is_stopping
        )
        if parser.should_upgrade():
            self._body_left = 0  # the parser alone tells what is still HTTP
        self._arriving = None
        is_next = self._answering is None and self._room is None and not self._next
        if is_next and is_empty and keeps_alive and (ready := self._server.at_once(scope)):
            body = b"" if scope["method"] == "HEAD" else ready.body
            self.write(b"".join((ready.head, self.date, b"\r\n", body)))
            return
        exchange = Exchange(
            self,
            scope,
            is_whole=is_empty,
            is_continued=is_continued,
            keeps_alive=keeps_alive,
        )
        self._arriving = exchange
        if is_next:
            self._answer(exchange)
        elif len(self._next) < _PIPELINED:
            self._next.append(exchange)
            self._read_or_wait()
        else:
            raise _Refused

    def _scope(self) -> tuple[Scope, bool, bool]:
        """Beside it whether the body is empty, and whether the client waits before it sends one.

        Raises ``_Refused``.
        """
        is_empty, is_continued, size = True, False, len(self._url)
        self._is_chunked, self._body_left = False, 0
        for name, value in self._headers:
            size += len(name) + len(value)
            if name == b"content-length":
                self._body_left = int(value)
                is_empty = not self._body_left
            elif name == b"transfer-encoding":
                is_empty, self._is_chunked = False, True
            elif name == b"expect":
                is_continued = value.lower() == b"100-continue"
        if size > HEAD_BYTES:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        version = self._parser.get_http_version()
        if self._is_chunked and version != "1.1":  # which has no chunks
            raise _Refused
        path, query = _target(self._url)
        scope = {
            **self._about,
            "http_version": version,
            "method": self._parser.get_method().decode("latin-1"),
            "path": unquote(path.decode("latin-1"), "latin-1"),
            "raw_path": path,
            "query_string": query,
            "headers": self._headers,
        }
        return scope, is_empty, is_continued

    def on_body(self, body: bytes) -> None:
        if self._is_chunked:
            self._framing_left += len(body) * (1 + _FRAMING_PER_BYTE)
        else:
            self._body_left -= len(body)
        exchange = self._arriving
        if exchange and not self._is_refused:
            exchange.feed(body)
            self._server.held_bytes += len(body)
            self._read_or_wait()

    def on_message_complete(self) -> None:
        self._is_in_head, self._is_chunked, self._head_bytes, self._framing_left = True, False, 0, 0
        if self._arriving:
            self._arriving.end()

    # What exchanges call.

    def write(self, data: bytes) -> None:
        if not self._is_gone:
            self._transport.write(data)

    async def drained(self) -> None:
        if self._room:
            await asyncio.shield(self._room)

    async def send_file(self, file: int, start: int, size: int) -> None:
        """Past the transport, once that has sent what it has. Never over TLS."""
        # Of our own: the loop knows the other one as the transport's, which may close it.
        socket = self._transport.get_extra_info("socket")
        if socket is None:
            raise ConnectionResetError
        line = os.dup(socket.fileno())
        try:
            while size and not self._is_gone:
                if self._transport.get_write_buffer_size():
                    await self._room_at(line)
                    continue
                with suppress(BlockingIOError):
                    sent = os.sendfile(line, file, start, size)
                    if not sent:
                        raise AnswerMalformed("the file ends before what is to be sent")
                    start, size = start + sent, size - sent
                    continue
                await self._room_at(line)
        finally:
            os.close(line)

    async def _room_at(self, line: int) -> None:
        """Raises ``TimeoutError`` after ``STALLED_SECONDS``."""
        loop = self._server.loop
        self._room = self._room or loop.create_future()
        loop.add_writer(line, self.resume_writing)
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self.drained()
        finally:
            loop.remove_writer(line)

    def wants_more(self, size: int) -> None:
        self._server.held_bytes -= size
        if not self._is_gone:
            self._read_or_wait()

    def _read_or_wait(self) -> None:
        """Read no further while enough of a body is here, or another request."""
        is_full = bool(self._arriving and self._arriving.size > AHEAD_BYTES)
        wants = not (is_full or self._next or self._is_refused or self._is_gone)
        if wants != self._is_reading and not self._transport.is_closing():
            self._is_reading = wants
            if wants:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _answer(self, exchange: Exchange) -> None:
        self._answering = exchange
        self._server.start(self, exchange)

    def answered(self, exchange: Exchange) -> None:
        """The application is done with it, and may have failed."""
        exchange.forget()
        if self._is_gone:
            return
        if exchange.has_begun and not exchange.is_over:
            self._transport.abort()  # a whole answer would look the same otherwise
            return
        if not exchange.has_begun:
            self._write_bare(HTTPStatus.INTERNAL_SERVER_ERROR)
        if not (exchange.keeps_alive and exchange.is_whole and exchange.has_begun):
            self.close()
            return
        self._answering = None
        self._server.wait_for_head(self)
        self._go_on()

    def _go_on(self) -> None:
        """To what came next, once the client has taken most of what was answered."""
        if self._room or self._is_gone or self._transport.is_closing():
            return
        if self._next:
            self._answer(self._next.popleft())
        elif self._is_refused:
            self._say_refused()
        self._read_or_wait()

    def _refuse(self, status: HTTPStatus | None) -> None:
        """Take nothing more. What came whole is answered before this is."""
        self._is_refused = True
        self._status = status
        if self._arriving and not self._arriving.is_whole:
            self._arriving.break_off()
            self._status = None  # the application says it
        self._read_or_wait()
        if self._answering is None:
            self._go_on()

    def _say_refused(self) -> None:
        if self._status:
            self._write_bare(self._status)
        self.close()

    def _write_bare(self, status: HTTPStatus) -> None:
        head = head_of(status, [(b"content-length", b"0"), (b"connection", b"close")])
        self.write(head + self.date + b"\r\n")

    def close(self) -> None:
        """End it, after what was written."""
        self._server.leave(self)
        self._transport.close()

    def abort(self) -> None:
        """End it at once."""
        self._transport.abort()

    def end_soon(self) -> None:
        """The server stops: what is under way is the last."""
        if self._answering:
            self._answering.keeps_alive = False
        else:
            self.close()


def _target(url: bytes) -> tuple[bytes, bytes]:
    """Path and query: RFC 9112, 3.2. What is no path, such as ``*``, stays as it is."""
    if not url.startswith(b"/") and b"://" in url:
        parts = parse_url(url)
        return parts.path or b"/", parts.query or b""
    path, _, query = url.partition(b"#")[0].partition(b"?")
    return path, query

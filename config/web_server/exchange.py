"""One request and its answer on a connection of HTTP/1.1, as an ASGI application has them.

Sources: ASGI 3.0, "HTTP & WebSocket Message Format" and "Extensions"; RFC 9112, 6 and 7 (bodies),
9 (connections).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY: Final = "berth.body"
"""Where the scope keeps a ``Body``: how to receive without a copy, beside ASGI's messages."""

AHEAD_BYTES: Final = 64 * 1024
"""Of a body, received before the application asks for it; the next read may add as much as fits."""

FILE_MESSAGE: Final = "http.response.zerocopysend"
"""The extension by which an application has bytes of a file sent without a copy of its own."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_JOINED_BYTES: Final = 64 * 1024  # what is larger is not copied to stand behind its head
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class BodyGone(Exception):
    """The body broke off, or its framing is malformed."""


class Body(Protocol):
    """The body of a request, for whoever has memory for it."""

    filled: int
    """Bytes that ``fill`` received."""

    @property
    def is_taken(self) -> bool:
        """All of it was received by whoever asked."""

    async def fill(self, place: memoryview) -> int:
        """Receive the next bytes, at most as many as there is place for; none at the end.

        Returns how many. Raises ``BodyGone``.
        """


class AnswerMalformed(Exception):
    """The application answers with what is no HTTP."""


class Line(Protocol):
    """The connection, as an exchange uses it."""

    @property
    def date(self) -> bytes:
        """The header of the present second, with its end of line."""

    @property
    def is_ending(self) -> bool:
        """This answer is the last."""

    def write(self, data: bytes) -> None: ...

    async def drained(self) -> None:
        """Wait until the client has room, or is gone."""

    async def send_file(self, file: int, start: int, size: int) -> None:
        """Send bytes of an open file as they are, behind what was written.

        Raises ``TimeoutError`` when the client takes none for ``STALLED_SECONDS``,
        ``ConnectionError`` when it is gone, and ``AnswerMalformed`` where the file ends before.
        """

    def wants_more(self, size: int) -> None:
        """The application took so many bytes of the body."""


class Exchange:
    """What came of a request, and what was sent of its answer."""

    def __init__(
        self,
        line: Line,
        scope: Scope,
        *,
        is_whole: bool,
        is_continued: bool,
        keeps_alive: bool,
    ) -> None:
        """``is_continued``: the client waits to be told before it sends the body."""
        self.scope = scope
        self.is_whole = is_whole  # the body has come
        self.keeps_alive = keeps_alive
        self.has_begun = False
        self.is_over = False
        self.size = 0  # bytes that came and were not taken
        self.filled = 0
        self.place: memoryview | None = None  # where the next bytes go, if anywhere
        scope[BODY] = self
        self._line = line
        self._is_continued = is_continued
        self._is_told = False  # that the body is whole
        self._is_gone = False
        self._pieces: list[bytes] = []
        self._placed = 0  # bytes that came into the place
        self._waiting: asyncio.Future[None] | None = None
        self._head = b""
        self._is_chunked = False
        self._left: int | None = None  # bytes of the answer that its length promises

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.size += len(piece)
        self._wake()

    def note_placed(self, size: int) -> None:
        """So many bytes came into ``place``."""
        if self.place:
            self.place = self.place[size:] if size < len(self.place) else None
        self._placed += size
        self._wake()

    def end(self) -> None:
        """The body is whole."""
        self.is_whole = True
        self._wake()

    def break_off(self) -> None:
        """Nothing more comes: the client is gone, or its bytes are no HTTP."""
        self._is_gone = True
        self.keeps_alive = False
        self._wake()

    def forget(self) -> None:
        """Nobody takes what is left of the body."""
        if self._pieces:
            self._taken()

    def _wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    @property
    def is_taken(self) -> bool:
        return self._is_told

    async def receive(self) -> Message:
        await self._arrival()
        if not self._pieces and not (self.is_whole and not self._is_told):
            return {"type": "http.disconnect"}
        body = self._taken()
        self._is_told = self.is_whole
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def fill(self, place: memoryview) -> int:
        if not self._pieces:
            await self._arrival_in(place)
        size, self._placed = self._placed, 0
        if not size and self._pieces:
            size = self._copied(place)
        if not size and not (self.is_whole and not self._is_told):
            raise BodyGone
        self.filled += size
        self._is_told = self.is_whole and not self._pieces
        return size

    async def _arrival_in(self, place: memoryview) -> None:
        self.place = place
        try:
            await self._arrival()
        except BaseException:  # what came nevertheless is for whoever asks next
            if self._placed:
                self._pieces.insert(0, bytes(place[: self._placed]))
                self.size += self._placed
                self._placed = 0
            raise
        finally:
            self.place = None

    async def _arrival(self) -> None:
        """Wait until some of the body has come, or all, or the client is gone."""
        if self._is_continued and not self.has_begun and not self._pieces:
            self._line.write(_CONTINUE)
        self._is_continued = False
        while not (self._pieces or self._placed or self._is_gone) and (
            not self.is_whole or self._is_told
        ):
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None

    def _copied(self, place: memoryview) -> int:
        """Take as much of the pieces as there is place for."""
        size = 0
        while self._pieces and size < len(place):
            piece = self._pieces.pop(0)
            some = min(len(piece), len(place) - size)
            place[size : size + some] = piece[:some]
            size += some
            if some < len(piece):
                self._pieces.insert(0, piece[some:])
        self.size -= size
        self._line.wants_more(size)
        return size

    def _taken(self) -> bytes:
        pieces, size, self._pieces, self.size = self._pieces, self.size, [], 0
        if size:
            self._line.wants_more(size)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def send(self, message: Message) -> None:
        """Raises ``AnswerMalformed``; of a file as ``Line.send_file``."""
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
            return
        if self.is_over or not (self.has_begun or self._head):
            raise AnswerMalformed("a body where none is expected")
        if message["type"] == FILE_MESSAGE:
            await self._send_file(message["file"], message["offset"], message["count"])
            return
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        if not self.has_begun:
            self._frame(len(body) if is_last else None)
        data = self._framed(body, is_last=is_last)
        head = self._head_once()
        self.is_over = is_last
        if not self._is_gone:
            if len(data) <= _JOINED_BYTES:
                self._line.write(head + data)
            else:
                self._line.write(head)
                self._line.write(data)
            if not is_last:  # the connection waits for the client to take the rest
                await self._line.drained()

    async def _send_file(self, file: int, start: int, size: int) -> None:
        """Something follows, be it an empty body. Raises as ``Line.send_file``."""
        if self._left is None or size > self._left:
            raise AnswerMalformed("a file beyond the length that the answer says")
        if head := self._head_once():
            self._line.write(head)
        self._left -= size
        await self._line.send_file(file, start, size)

    def _head_once(self) -> bytes:
        if self.has_begun:
            return b""
        self.has_begun = True
        self.keeps_alive = self.keeps_alive and not self._line.is_ending
        end = b"\r\n" if self.keeps_alive else b"connection: close\r\n\r\n"
        return b"".join((self._head, self._line.date, end))

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if self._head:
            raise AnswerMalformed("a second answer")
        self._left = None
        for name, value in headers:
            if name == b"content-length":
                self._left = int(value)
            elif name == b"connection" and value.lower() == b"close":
                self.keeps_alive = False
        self._head = head_of(status, [(n, v) for n, v in headers if n != b"connection"])
        if status in _BODILESS or self.scope["method"] == "HEAD":
            self._left = 0

    def _frame(self, size: int | None) -> None:
        """Say where the body ends; ``size`` is known when all of it is there."""
        if self._left is not None:
            return
        if size is not None:
            self._left = size
            self._head += b"content-length: %d\r\n" % size
        elif self.scope["http_version"] == "1.1":
            self._is_chunked = True
            self._head += b"transfer-encoding: chunked\r\n"
        else:
            self.keeps_alive = False  # its end is the connection's

    def _framed(self, body: bytes, *, is_last: bool) -> bytes:
        if self._is_chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk + b"0\r\n\r\n" if is_last else chunk
        if self._left is None:
            return body
        if self.scope["method"] == "HEAD":
            body = b""
        if len(body) > self._left:
            raise AnswerMalformed("more bytes than the length says")
        self._left -= len(body)
        if is_last and self._left:
            raise AnswerMalformed("fewer bytes than the length says")
        return body


def head_of(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The status and headers of an answer, each with its end of line. Raises as ``lines_of``."""
    return _status_line(status) + lines_of(headers)


def lines_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers, whose names are in lower case.

    Raises ``AnswerMalformed`` for what would begin another line.
    """
    lines: list[bytes] = []
    for name, value in headers:
        if b"\n" in value or b"\r" in value or b"\n" in name:
            raise AnswerMalformed(f"the header {name!r} has more than one line")
        lines += (name, b": ", value, b"\r\n")
    return b"".join(lines)


@lru_cache(maxsize=128)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {int(status)} {phrase}\r\n".encode()

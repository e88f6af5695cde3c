"""Carries requests from an event loop to the WSGI application, and its answers back.

Clients are waited for on the loop, where waiting costs no thread and has a deadline: small bodies
are complete before a thread begins, and a blob that leaves is only read in one. Only a body of an
unknown or large size is read by the thread that stores it. ASGI and not WSGI: granian's WSGI
stream ends in the same way for a whole body and for one whose framing broke.

Sources: PEP 3333 (WSGI), ASGI 3.0 "HTTP & WebSocket Message Format".
"""

import asyncio
import io
import json
import logging
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from config.serving.threads import Threads
from registry.api.distribution.base import error_document
from registry.api.http.bodies import SMALL_BODY_BYTES, BodyBroken
from registry.blobs.transfers import RETRY_AFTER_SECONDS
from registry.rows.connections import release_connection
from registry.storage.base import PIECE_BYTES

logger = logging.getLogger("config.transport")  # a name that readers of logs know

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Environ = dict[str, Any]
Header = tuple[str, str]

_SMALL_BODY_SECONDS = 10  # for all of a body that fits in a packet or fifty
_GATHERED_BYTES = 4 * 1024 * 1024  # the largest form or document, kept on disk when not small
_GATHERED_SECONDS = 60
_LARGE_BODIES_AT_ONCE = 32
_STALLED_SECONDS = 60  # without a byte of a body that is stored as it comes
_UNREAD_SECONDS = 60  # without room for the next bytes of an answer
_AHEAD_BYTES = 1024 * 1024  # of a body, received before the thread asks for them
_IDLE_SECONDS = 20  # until a thread that has nothing to do ends
_DRAIN_SECONDS = 1
_DRAIN_BYTES = 64 * 1024 * 1024

# Bodies below these may be blobs or manifests; who sends them is known before they are read.
_STREAMING = ("/v2/", "/v1/")
_TOKENS = "/v2/auth"


class Transport:
    """An ASGI application that runs a WSGI application in threads."""

    def __init__(self, application: Callable[..., Iterable[bytes]], *, threads: int) -> None:
        self._application = application
        self._threads = Threads(threads, idle_seconds=_IDLE_SECONDS)
        self._large_bodies = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        incoming = _Incoming(receive)
        answer = _Answer(send, incoming)
        try:
            stream = await self._input(environ, incoming)
        except _BodyRefused as refusal:
            await answer.refuse(refusal, is_document=environ["PATH_INFO"].startswith(_STREAMING))
            return
        environ["wsgi.input"] = stream
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(self._threads, self._run, environ, answer, loop)
            if isinstance(result, _File):
                await self._send_file(answer, result)
            elif result is not None:
                await answer.whole(result)
        finally:
            if isinstance(stream, _BodyStream):
                await stream.drain(wants_rest="HTTP_EXPECT" not in environ)
            else:
                stream.close()
            answer.end()

    async def send(
        self,
        status: int,
        headers: Mapping[str, str],
        pieces: Any,
        receive: Receive,
        send: Send,
    ) -> None:
        """Send what was found without the application; ``pieces`` are closed in the end."""
        incoming = _Incoming(receive)
        incoming.is_whole = True
        answer = _Answer(send, incoming)
        answer.status, answer.headers = status, [*headers.items()]
        try:
            await self._send_file(answer, _File(pieces))
        finally:
            answer.end()

    async def _input(self, environ: Environ, incoming: "_Incoming") -> Any:
        """The body as the application reads it. Raises ``_BodyRefused``."""
        length = _length(environ)
        if length == 0:
            incoming.is_whole = True
            return io.BytesIO()
        if _is_streamed(environ, length):
            return _BodyStream(asyncio.get_running_loop(), incoming)
        if length is not None and length > _GATHERED_BYTES:
            return _Unreadable()  # the application looks at the length first, and says no
        if length is not None and length <= SMALL_BODY_BYTES:
            gathered = await _gather(incoming, SMALL_BODY_BYTES, _SMALL_BODY_SECONDS)
        else:
            gathered = await self._gather_large(incoming)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(gathered.tell())
        gathered.seek(0)
        return gathered

    async def _gather_large(self, incoming: "_Incoming") -> IO[bytes]:
        if self._large_bodies >= _LARGE_BODIES_AT_ONCE:
            raise _BodyRefused(HTTPStatus.SERVICE_UNAVAILABLE, "too many large forms at once")
        self._large_bodies += 1
        try:
            return await _gather(incoming, _GATHERED_BYTES, _GATHERED_SECONDS)
        finally:
            self._large_bodies -= 1

    def _run(
        self, environ: Environ, answer: "_Answer", loop: asyncio.AbstractEventLoop
    ) -> "bytes | _File | None":
        """Ask the application, in a thread; return what is to be sent, if it was not sent here."""
        head: list[Any] = []

        def start_response(status: str, headers: list[Header], _error: object = None) -> None:
            head[:] = [int(status[:3]), headers]

        result = self._application(environ, start_response)
        answer.status, answer.headers = head
        if isinstance(result, _File):
            release_connection()
            return result
        try:
            if not getattr(result, "streaming", True):
                return b"".join(result)
            # Its pieces may come from the database, whose connection belongs to this thread.
            for piece in result:
                _wait(loop, answer.pieces([piece]))
            _wait(loop, answer.last())
        except _ClientGone:
            pass
        finally:
            if close := getattr(result, "close", None):
                close()
        return None

    async def _send_file(self, answer: "_Answer", file: "_File") -> None:
        """Send a file. Pieces in memory are read here, others in a thread that waits for a disk."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                piece = file.read_from_memory()
                if piece is None:
                    piece = await loop.run_in_executor(self._threads, file.read)
                if not piece:
                    break
                await answer.pieces([piece])
            await answer.last()
        except _ClientGone:
            return
        finally:
            await loop.run_in_executor(self._threads, file.close)


def environ_of(scope: Scope) -> Environ:
    """A WSGI environment for an ASGI scope, without its input.

    Header names with an underscore are left out: they would pass for those with a hyphen.
    """
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_SOFTWARE": "Berth",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": _File,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue
        key = raw_name.decode("latin-1").upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        value = raw_value.decode("latin-1")
        if key in environ:
            value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
        environ[key] = value
    return environ


def _length(environ: Environ) -> int | None:
    """How long the body is; ``None`` when only its end tells. The server checked the framing."""
    text = environ.get("CONTENT_LENGTH", "")
    if text.isdecimal():
        return int(text)
    return None if "HTTP_TRANSFER_ENCODING" in environ else 0


def _is_streamed(environ: Environ, length: int | None) -> bool:
    path = environ["PATH_INFO"]
    if not path.startswith(_STREAMING) or path == _TOKENS:
        return False
    # Who asks before sending is not told to send until someone wants to read.
    return length is None or length > SMALL_BODY_BYTES or "HTTP_EXPECT" in environ


class _File:
    """``wsgi.file_wrapper``: what the application hands over to be sent, and then closed."""

    def __init__(self, file: Any, block_bytes: int = PIECE_BYTES) -> None:
        self._file = file
        self._block_bytes = block_bytes
        self.close = file.close

    def read(self) -> bytes:
        """The next piece; none at the end."""
        piece: bytes = self._file.read(self._block_bytes)
        return piece

    def read_from_memory(self) -> bytes | None:
        """The next piece; ``None`` when reading it may have to wait."""
        read: Callable[[], bytes | None] = getattr(self._file, "read_from_memory", lambda: None)
        return read()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")


class _BodyRefused(Exception):
    """A body that was not received: the status and a sentence to answer with."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class _ClientGone(Exception):
    """Nobody takes the answer any more."""


class _Incoming:
    """The body of a request as it comes off the connection."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_whole = False

    async def next(self) -> bytes:
        """The next bytes; none at the end. Raises ``BodyBroken``."""
        while not self.is_whole:
            message = await self._receive()
            if message["type"] != "http.request":
                raise BodyBroken("the body broke off, or its chunks are malformed")
            self.is_whole = not message["more_body"]
            if message["body"]:
                return bytes(message["body"])
        return b""

    async def disconnected(self) -> None:
        """Return when the client is gone. Only for a request whose body has come, or is none."""
        while (await self._receive())["type"] == "http.request":
            continue


async def _gather(incoming: _Incoming, limit_bytes: int, seconds: float) -> IO[bytes]:
    """All of a body, in memory while it is small. Raises ``_BodyRefused``."""
    # SIM115: the application reads it, and it vanishes with the request.
    gathered = SpooledTemporaryFile(max_size=SMALL_BODY_BYTES)  # noqa: SIM115
    is_whole = False
    try:
        async with asyncio.timeout(seconds):
            while piece := await incoming.next():
                if gathered.tell() + len(piece) > limit_bytes:
                    raise _BodyRefused(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        f"the body may have at most {limit_bytes} bytes",
                    )
                gathered.write(piece)
        is_whole = True
    except TimeoutError:
        raise _BodyRefused(HTTPStatus.REQUEST_TIMEOUT, "the body came too slowly") from None
    except BodyBroken as error:
        raise _BodyRefused(HTTPStatus.BAD_REQUEST, error.reason) from None
    except OSError as error:
        logger.error("a form cannot be kept in a temporary file: %s", error)  # noqa: TRY400
        reason = "there is no room for the body; try again shortly"
        raise _BodyRefused(HTTPStatus.SERVICE_UNAVAILABLE, reason) from None
    finally:
        if not is_whole:
            gathered.close()
    return gathered


class _Unreadable:
    """The input of a request whose body is larger than anything that is read there."""

    def read(self, _size: int = -1) -> bytes:
        raise OSError("the body is too large to be read")

    readline = read

    def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class _Arrived:
    """Bytes that came and were not taken yet, shared by the loop and one thread."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    pieces: deque[memoryview] = field(default_factory=deque)
    size: int = 0
    wanted: int = 0
    is_full: bool = False  # and so nothing is received
    is_ended: bool = False
    error: BodyBroken | None = None


class _BodyStream:
    """``wsgi.input`` of a large body: the loop receives ahead of the thread that reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, incoming: _Incoming) -> None:
        self._loop = loop
        self._incoming = incoming
        self._arrived = _Arrived()
        self._room = asyncio.Event()
        self._receiving: asyncio.Task[None] | None = None
        self._discarded: int | None = None  # bytes; a number when nobody reads any more

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end. Raises ``BodyBroken``."""
        arrived = self._arrived
        with arrived.changed:
            if arrived.size < size and not arrived.is_ended:
                arrived.wanted = size
                self._loop.call_soon_threadsafe(self._go_on)
                arrived.changed.wait_for(lambda: arrived.size >= size or arrived.is_ended)
            if arrived.error and not arrived.size:
                raise arrived.error
            taken = self._take(min(size, arrived.size))
            if arrived.is_full and arrived.size <= _AHEAD_BYTES // 2:
                arrived.is_full = False
                self._loop.call_soon_threadsafe(self._go_on)
        return taken

    def readline(self, _size: int = -1) -> bytes:
        raise OSError("this body is read in pieces")

    def _take(self, size: int) -> bytes:
        arrived = self._arrived
        taken: list[memoryview] = []
        missing = size
        while missing:
            piece = arrived.pieces.popleft()
            if len(piece) > missing:
                arrived.pieces.appendleft(piece[missing:])
                piece = piece[:missing]
            taken.append(piece)
            missing -= len(piece)
        arrived.size -= size
        return b"".join(taken)

    def _go_on(self) -> None:
        self._room.set()
        if self._receiving is None:
            self._receiving = self._loop.create_task(self._receive())

    async def _receive(self) -> None:
        arrived = self._arrived
        error: BodyBroken | None = None
        try:
            while True:
                async with asyncio.timeout(_STALLED_SECONDS):
                    piece = await self._incoming.next()
                if not piece:
                    return
                if self._discarded is not None:
                    self._discarded += len(piece)
                    if self._discarded > _DRAIN_BYTES:
                        return
                    continue
                with arrived.changed:
                    arrived.pieces.append(memoryview(piece))
                    arrived.size += len(piece)
                    if arrived.size >= arrived.wanted:
                        arrived.changed.notify()
                    arrived.is_full = arrived.size >= max(_AHEAD_BYTES, arrived.wanted)
                    if arrived.is_full:
                        self._room.clear()
                if not self._room.is_set():
                    await self._room.wait()
        except TimeoutError:
            error = BodyBroken(f"no byte of the body came for {_STALLED_SECONDS} s")
        except BodyBroken as broken:
            error = broken
        finally:
            with arrived.changed:
                arrived.is_ended = True
                arrived.error = error
                arrived.changed.notify()

    async def drain(self, *, wants_rest: bool) -> None:
        """Receive what is left, for a moment: clients may read no answer before they have sent all.

        Args:
            wants_rest: false where the client waits to be asked for the body.
        """
        self._discarded = 0
        if wants_rest or self._receiving:
            self._go_on()
        if self._receiving is None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._receiving, _DRAIN_SECONDS)


class _Answer:
    """The answer to one request, on its way to the client."""

    status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

    def __init__(self, send: Send, incoming: _Incoming) -> None:
        self._send = send
        self._incoming = incoming
        self._watch: asyncio.Task[None] | None = None
        self._has_begun = False
        self.headers: list[Header] = []

    async def refuse(self, refusal: _BodyRefused, *, is_document: bool) -> None:
        """Answer in the server's stead, and end the connection: the body is still on its way.

        Args:
            is_document: whether the answer is an error document, for programs.
        """
        content, kind = f"{refusal.reason}\n".encode(), "text/plain; charset=utf-8"
        if is_document:
            document = error_document(BodyBroken(refusal.reason))
            content, kind = json.dumps(document).encode(), "application/json"
        self.status = refusal.status
        self.headers = [
            ("Content-Type", kind),
            ("Content-Length", str(len(content))),
            ("Connection", "close"),
        ]
        if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.headers.append(("Retry-After", str(RETRY_AFTER_SECONDS)))
        await self.whole(content)

    async def whole(self, content: bytes) -> None:
        await self._begin()
        await self._send({"type": "http.response.body", "body": content})

    async def pieces(self, some: Iterable[bytes]) -> None:
        """Send some bytes, once the client has room for them. Raises ``_ClientGone``."""
        if not self._has_begun:
            await self._begin()
            if self._incoming.is_whole:
                self._watch = asyncio.ensure_future(self._incoming.disconnected())
        try:
            async with asyncio.timeout(None) as deadline:
                for piece in some:
                    deadline.reschedule(asyncio.get_running_loop().time() + _UNREAD_SECONDS)
                    if self._watch and self._watch.done():
                        raise _ClientGone
                    message = {"type": "http.response.body", "body": piece, "more_body": True}
                    await self._send(message)
        except TimeoutError:
            raise _ClientGone from None

    async def last(self) -> None:
        if not self._has_begun:
            await self._begin()
        await self._send({"type": "http.response.body", "body": b""})

    def end(self) -> None:
        if self._watch:
            self._watch.cancel()

    async def _begin(self) -> None:
        self._has_begun = True
        await self._send(response_start(self.status, self.headers))


def response_start(status: int, headers: Iterable[Header]) -> Message:
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": int(status), "headers": encoded}


def _wait(loop: asyncio.AbstractEventLoop, doing: Any) -> None:
    """Do something on the loop, from a thread, and wait until it is done."""
    asyncio.run_coroutine_threadsafe(doing, loop).result()

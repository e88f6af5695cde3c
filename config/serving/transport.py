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
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from config.serving.bodies import (
    BodyRefused,
    BodyStream,
    Incoming,
    Message,
    Receive,
    Unreadable,
    gather,
)
from config.serving.threads import Threads
from registry.api.distribution.base import error_document
from registry.api.http.bodies import SMALL_BODY_BYTES, BodyBroken
from registry.blobs.transfers import RETRY_AFTER_SECONDS
from registry.rows.connections import release_connection
from registry.storage.base import PIECE_BYTES

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Environ = dict[str, Any]
Header = tuple[str, str]

_SMALL_BODY_SECONDS = 10  # for all of a body that fits in a packet or fifty
_GATHERED_BYTES = 4 * 1024 * 1024  # the largest form or document, kept on disk when not small
_GATHERED_SECONDS = 60
_LARGE_BODIES_AT_ONCE = 32
_UNREAD_SECONDS = 60  # without room for the next bytes of an answer
IDLE_SECONDS = 20  # until a thread that has nothing to do ends

# Bodies below these may be blobs or manifests; who sends them is known before they are read.
_STREAMING = ("/v2/", "/v1/")
_TOKENS = "/v2/auth"


class Transport:
    """An ASGI application that runs a WSGI application in threads."""

    def __init__(self, application: Callable[..., Iterable[bytes]], *, threads: int) -> None:
        self._application = application
        self._threads = Threads(threads, idle_seconds=IDLE_SECONDS)
        self._large_bodies = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        incoming = Incoming(receive)
        answer = _Answer(send, incoming)
        try:
            stream = await self._input(environ, incoming)
        except BodyRefused as refusal:
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
            if isinstance(stream, BodyStream):
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
        incoming = Incoming(receive)
        incoming.is_whole = True
        answer = _Answer(send, incoming)
        answer.status, answer.headers = status, [*headers.items()]
        try:
            await self._send_file(answer, _File(pieces))
        finally:
            answer.end()

    async def _input(self, environ: Environ, incoming: Incoming) -> Any:
        """The body as the application reads it. Raises ``BodyRefused``."""
        length = _length(environ)
        if length == 0:
            incoming.is_whole = True
            return io.BytesIO()
        if _is_streamed(environ, length):
            return BodyStream(asyncio.get_running_loop(), incoming)
        if length is not None and length > _GATHERED_BYTES:
            return Unreadable()  # the application looks at the length first, and says no
        if length is not None and length <= SMALL_BODY_BYTES:
            gathered = await gather(incoming, SMALL_BODY_BYTES, _SMALL_BODY_SECONDS)
        else:
            gathered = await self._gather_large(incoming)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(gathered.tell())
        gathered.seek(0)
        return gathered

    async def _gather_large(self, incoming: Incoming) -> IO[bytes]:
        if self._large_bodies >= _LARGE_BODIES_AT_ONCE:
            raise BodyRefused(HTTPStatus.SERVICE_UNAVAILABLE, "too many large forms at once")
        self._large_bodies += 1
        try:
            return await gather(incoming, _GATHERED_BYTES, _GATHERED_SECONDS)
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
    """A WSGI environment for an ASGI scope, without its input."""
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
    for name, value in headers_of(scope).items():
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    return environ


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request by their names in lower case; those of one name are one list.

    Names with an underscore are left out: they would pass for those with a hyphen.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in headers:
            value = f"{headers[name]}{'; ' if name == 'cookie' else ','}{value}"
        headers[name] = value
    return headers


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


class _ClientGone(Exception):
    """Nobody takes the answer any more."""


class _Answer:
    """The answer to one request, on its way to the client."""

    status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

    def __init__(self, send: Send, incoming: Incoming) -> None:
        self._send = send
        self._incoming = incoming
        self._watch: asyncio.Task[None] | None = None
        self._has_begun = False
        self.headers: list[Header] = []

    async def refuse(self, refusal: BodyRefused, *, is_document: bool) -> None:
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

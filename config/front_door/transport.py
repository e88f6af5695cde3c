"""Carries requests from an event loop to the WSGI application, and its answers back.

Clients are waited for on the loop, where waiting costs no thread and has a deadline: small bodies
are complete before a thread begins, and a blob that leaves is only read in one. Only a body of an
unknown or large size is read by the thread that stores it.

Sources: PEP 3333 (WSGI), ASGI 3.0 "HTTP & WebSocket Message Format".
"""

import asyncio
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import IO, Any, Final

from django.conf import settings

from artifacts.oci.errors import OCIError, TooManyRequests, Unavailable
from config.front_door.bodies import BodyRefused, BodyStream, Incoming, Unreadable, gather
from config.front_door.pace import Pace, TooSlow
from config.front_door.requests import Environ, environ_of
from config.front_door.shares import Holder, Place, Shares, ShareTaken
from config.front_door.threads import Threads
from config.web_server.exchange import (
    FILE_MESSAGE,
    Message,
    Receive,
    Scope,
    Send,
    head_of,
    lines_of,
)
from config.web_server.limits import STALLED_SECONDS
from registry.api.distribution.base import error_document
from registry.api.distribution.reads import API_VERSION, Answer
from registry.api.health import LIVE_PATH
from registry.api.health import PATHS as PROBES
from registry.api.http.bodies import SMALL_BODY_BYTES, BodyBroken
from registry.blobs.transfers import RETRY_AFTER_SECONDS
from registry.rows.connections import release_connection
from registry.storage.base import PIECE_BYTES
from registry.storage.files import Stretch

Header = tuple[str, str]

IDLE_SECONDS: Final = 20  # until a thread that has nothing to do ends

_SMALL_BODY_SECONDS = 10  # for all of a body that fits in a packet or fifty
_GATHERED_BYTES = 4 * 1024 * 1024  # the largest form or document, kept on disk when not small
_GATHERED_SECONDS = 60
_LARGE_BODIES_AT_ONCE = 32
_QUEUE_SECONDS = 30  # for a thread
_PROBE_SECONDS = 3  # for an answer: what takes longer is no yes

# Threads for what must not keep the rest waiting. Few: they share one processor with the loop.
_TOKEN_THREADS = 8
_STRANGER_THREADS = 8
_PAGE_THREADS = 16
_READER_THREADS = 32  # read from a disk, or from another machine, what is sent
_STREAMS_AT_ONCE = 4  # answers whose reader holds a thread

# Of a file, sent at once: nothing of it is in memory for us, and others come in between.
_STRETCH_BYTES = 1024 * 1024
# An answer beyond this is sent in pieces, and so only as long as somebody reads it.
SMALL_ANSWER_BYTES = 64 * 1024
# Of all pieces that wait for their clients: one in the connection, and the next.
_PIECES_BYTES = 32 * 1024 * 1024
_PIECES_AHEAD = 2
_LEAST_PIECE_BYTES = 16 * 1024

# Bodies below these may be blobs or manifests; who sends them is known before they are read.
_STREAMING = ("/v2/", "/v1/")
_TOKENS = "/v2/auth"
_OPENED = ("/blobs/uploads/", "/blobs/uploads")


class Refused(Exception):
    """A request that is not served now: what to answer instead."""

    def __init__(self, error: OCIError) -> None:
        super().__init__(error.reason)
        self.error = error


class Transport:
    """An ASGI application that runs a WSGI application in threads."""

    def __init__(self, application: Callable[..., Iterable[bytes]], *, threads: int) -> None:
        self.shares = Shares()
        self._application = application
        self._protocol = _pool(threads)
        self._tokens = _pool(_TOKEN_THREADS)
        self._strangers = _pool(_STRANGER_THREADS)
        self._pages = _pool(_PAGE_THREADS)
        self._life = _pool(1)  # who is busy is not dead
        self._probes = _pool(1)
        self._readers = Threads(_READER_THREADS, idle_seconds=IDLE_SECONDS)
        self._streams = BoundedSemaphore(_STREAMS_AT_ONCE)
        self._large_bodies = 0
        self._downloads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        incoming = Incoming(receive)
        answer = _Answer(scope, send, incoming)
        try:
            await self._serve(environ, Holder.of(environ), incoming, answer)
        except BodyRefused as refusal:
            await answer.refuse(
                BodyBroken(refusal.reason), environ["PATH_INFO"], status=refusal.status
            )
        except Refused as refusal:
            await answer.refuse(refusal.error, environ["PATH_INFO"])
        finally:
            answer.end()

    async def send(self, scope: Scope, response: Answer, receive: Receive, send: Send) -> None:
        """Send what was found without the application; pieces are closed in the end."""
        environ = environ_of(scope)
        incoming = Incoming(receive)
        incoming.is_whole = True
        answer = _Answer(scope, send, incoming)
        answer.status, answer.headers = response.status, [*response.headers.items()]
        try:
            result = response.body if isinstance(response.body, bytes) else _File(response.body)
            await self._send(answer, Holder.of(environ), result)
        except Refused as refusal:
            await answer.refuse(refusal.error, environ["PATH_INFO"])
        finally:
            answer.end()

    async def _serve(
        self, environ: Environ, holder: Holder, incoming: Incoming, answer: "_Answer"
    ) -> None:
        if holder.account and _opens_upload(environ):
            self._require_upload(holder)
        stream = await self._input(environ, holder, incoming)
        environ |= {"wsgi.input": stream, "wsgi.file_wrapper": _File}
        try:
            result = await self._ask(environ, holder, answer)
            if result is not None:
                await self._send(answer, holder, result)
        except Refused as refusal:
            await answer.refuse(refusal.error, environ["PATH_INFO"])
        finally:
            if isinstance(stream, BodyStream):
                await stream.drain(wants_rest="HTTP_EXPECT" not in environ)
            else:
                stream.close()

    def _require_upload(self, holder: Holder) -> None:
        """Open no upload for who has no place to send it. Raises ``Refused``."""
        try:
            self.shares.require_upload(holder)
        except ShareTaken as error:
            raise Refused(_too_many(str(error))) from None

    async def _input(self, environ: Environ, holder: Holder, incoming: Incoming) -> Any:
        """The body as the application reads it. Raises ``BodyRefused`` and ``Refused``."""
        coding = environ.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower()
        if coding != "chunked":  # the server has taken the chunks apart, and nothing else
            reason = "of transfer encodings only chunked is understood"
            raise BodyRefused(HTTPStatus.NOT_IMPLEMENTED, reason)
        length = _length(environ)
        if length == 0:
            incoming.is_whole = True
            return io.BytesIO()
        if _is_streamed(environ, length):
            return BodyStream(asyncio.get_running_loop(), incoming)
        if length is not None and length > _GATHERED_BYTES:
            return Unreadable()  # the application looks at the length first, and says no
        with ExitStack() as stack:
            _hold(stack, self.shares, Place.BODY, holder, Unavailable)
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

    async def _ask(
        self, environ: Environ, holder: Holder, answer: "_Answer"
    ) -> "bytes | _File | None":
        """What the application answers, unless it was sent already. Raises ``Refused``."""
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            # Who brings no credentials is not let in, and the body is not read.
            if isinstance(environ["wsgi.input"], BodyStream) and "HTTP_AUTHORIZATION" in environ:
                _hold(stack, self.shares, Place.UPLOAD, holder, _too_many)
                _hold(stack, self.shares, Place.THREAD, holder, _too_many)
            elif environ["PATH_INFO"] not in PROBES:
                _hold(stack, self.shares, Place.CALL, holder, Unavailable)
            pool = self._pool_for(environ)
            future = pool.submit_for(holder.network, self._run, environ, answer, loop)
            timer = loop.call_later(_QUEUE_SECONDS, future.cancel)  # unless it runs by then
            answering = asyncio.wrap_future(future)
            try:
                if environ["PATH_INFO"] in PROBES:
                    await asyncio.wait([answering], timeout=_PROBE_SECONDS)
                    if not answering.done():
                        answering.cancel()
                        raise Refused(Unavailable("a part of the registry does not answer"))
                return await answering
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not future.cancelled() or (task and task.cancelling()):
                    raise
                raise Refused(Unavailable("the request waited too long; try again")) from None
            finally:
                timer.cancel()

    def _pool_for(self, environ: Environ) -> Threads:
        path = environ["PATH_INFO"]
        if path == _TOKENS:
            return self._tokens
        if path in PROBES:
            return self._life if path == LIVE_PATH else self._probes
        if path.startswith(_STREAMING):
            return self._protocol if "HTTP_AUTHORIZATION" in environ else self._strangers
        has_session = settings.SESSION_COOKIE_NAME in environ.get("HTTP_COOKIE", "")
        is_known = has_session or "HTTP_AUTHORIZATION" in environ
        return self._pages if is_known else self._strangers

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
            self._stream(result, answer, loop)
        except _ClientGone:
            pass
        finally:
            if close := getattr(result, "close", None):
                close()
        return None

    def _stream(
        self, result: Iterable[bytes], answer: "_Answer", loop: asyncio.AbstractEventLoop
    ) -> None:
        """Send pieces from here: they may come from the database, by a connection of this thread.

        Raises ``Refused`` and ``_ClientGone``.
        """
        if not self._streams.acquire(blocking=False):
            raise Refused(Unavailable("too many exports at once; try again shortly"))
        try:
            for piece in result:
                _wait(loop, answer.piece(piece))
            _wait(loop, answer.last())
        finally:
            self._streams.release()

    async def _send(self, answer: "_Answer", holder: Holder, result: "bytes | _File") -> None:
        """Send an answer to whoever asked. Raises ``Refused``."""
        if isinstance(result, _File):
            try:
                with ExitStack() as stack:
                    _hold(stack, self.shares, Place.DOWNLOAD, holder, _too_many)
                    await self._send_pieces(answer, result)
            finally:
                await asyncio.wrap_future(self._readers.submit(result.close))
        elif len(result) <= SMALL_ANSWER_BYTES:
            await answer.whole(result)
        else:
            with ExitStack() as stack:
                _hold(stack, self.shares, Place.ANSWER, holder, Unavailable, len(result))
                await self._send_pieces(answer, _Memory(result))

    async def _send_pieces(self, answer: "_Answer", pieces: "_File | _Memory") -> None:
        """Pieces in memory are read here, others in a thread that waits for a disk."""
        self._downloads += 1
        try:
            while True:
                size = self._piece_bytes()
                is_sent_at_once = answer.takes_files and isinstance(pieces, _File)
                piece = pieces.next_in_memory(_STRETCH_BYTES if is_sent_at_once else size)
                if piece is None:
                    piece = await asyncio.wrap_future(self._readers.submit(pieces.read, size))
                if not piece:
                    break
                await answer.piece(piece)
            await answer.last()
        except _ClientGone:
            return
        finally:
            self._downloads -= 1

    def _piece_bytes(self) -> int:
        """How large the next piece may be: what waits for slow clients is in memory."""
        fair = _PIECES_BYTES // (_PIECES_AHEAD * self._downloads)
        return max(_LEAST_PIECE_BYTES, min(PIECE_BYTES, fair))


def _pool(threads: int) -> Threads:
    return Threads(threads, idle_seconds=IDLE_SECONDS)


def _hold(
    stack: ExitStack,
    shares: Shares,
    place: Place,
    holder: Holder,
    refusal: Callable[[Any], OCIError],
    amount: int = 1,
) -> None:
    """Hold a place as long as ``stack`` is open. Raises ``Refused``."""
    try:
        stack.enter_context(shares.held(place, holder, amount))
    except ShareTaken as error:
        raise Refused(refusal(str(error))) from None


def _length(environ: Environ) -> int | None:
    """How long the body is; ``None`` when only its end tells. The server checked the framing."""
    text = environ.get("CONTENT_LENGTH", "")
    if text.isdecimal():
        return int(text)
    return None if "HTTP_TRANSFER_ENCODING" in environ else 0


def _opens_upload(environ: Environ) -> bool:
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ["PATH_INFO"].endswith(_OPENED)
        and "mount=" not in environ["QUERY_STRING"]
    )


def _too_many(reason: str) -> OCIError:
    return TooManyRequests(reason, retry_after_seconds=RETRY_AFTER_SECONDS)


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

    def read(self, size: int) -> bytes:
        """The next piece; none at the end."""
        piece: bytes = self._file.read(size)
        return piece

    def next_in_memory(self, size: int) -> bytes | Stretch | None:
        """The next piece; ``None`` when reading it may have to wait."""
        look: Callable[[int], bytes | Stretch | None] | None
        look = getattr(self._file, "next_in_memory", None)
        return look(size) if look else None

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(self._block_bytes), b"")


class _Memory:
    """What is in memory already, in pieces."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)  # shares the bytes

    def read(self, size: int) -> bytes:
        return self._content.read(size)

    next_in_memory = read


class _ClientGone(Exception):
    """Nobody takes the answer any more."""


class _Answer:
    """The answer to one request, on its way to the client."""

    status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

    def __init__(self, scope: Scope, send: Send, incoming: Incoming) -> None:
        self.takes_files = FILE_MESSAGE in scope.get("extensions", ())
        self._send = send
        self._incoming = incoming
        self._watch: asyncio.Task[None] | None = None
        self._pace: Pace
        self._has_begun = False
        self.headers: list[Header] = []

    async def refuse(self, error: OCIError, path: str, *, status: HTTPStatus | None = None) -> None:
        """Answer in the server's stead, and end the connection: the body is still on its way."""
        if self._has_begun:
            return
        content, kind = f"{error.reason}\n".encode(), "text/plain; charset=utf-8"
        if path.startswith(_STREAMING):
            content, kind = json.dumps(error_document(error)).encode(), "application/json"
        self.status = status or error.status
        self.headers = [
            ("Content-Type", kind),
            ("Content-Length", str(len(content))),
            ("Connection", "close"),
            *error.headers().items(),
            *(API_VERSION.items() if path.startswith("/v2/") else ()),
        ]
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE and not error.headers():
            self.headers.append(("Retry-After", str(RETRY_AFTER_SECONDS)))
        await self.whole(content)

    async def whole(self, content: bytes) -> None:
        await self._begin()
        await self._send({"type": "http.response.body", "body": content})

    async def piece(self, piece: bytes | Stretch) -> None:
        """Send some bytes, once the client has room for them. Raises ``_ClientGone``."""
        if not self._has_begun:
            await self._begin()
            self._pace = Pace.of_settings()
            if self._incoming.is_whole:
                self._watch = asyncio.ensure_future(self._incoming.disconnected())
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            if isinstance(piece, Stretch) and self.takes_files:
                place = {"file": piece.file, "offset": piece.start, "count": piece.size}
                await self._send({"type": FILE_MESSAGE, **place, "more_body": True})
            else:
                body = piece.read() if isinstance(piece, Stretch) else piece
                async with asyncio.timeout(STALLED_SECONDS):
                    message = {"type": "http.response.body", "body": body, "more_body": True}
                    await self._send(message)
            self._pace.note(len(piece), waited=loop.time() - began)
        except (TimeoutError, ConnectionError, TooSlow):
            raise _ClientGone from None
        # There may have been no wait at all. Others come in between, and the news that the
        # client is gone, to whom anything can be sent at once.
        await asyncio.sleep(0)
        if self._watch and self._watch.done():
            raise _ClientGone

    async def last(self) -> None:
        if not self._has_begun:
            await self._begin()
        await self._send({"type": "http.response.body", "body": b""})

    def end(self) -> None:
        if self._watch:
            self._watch.cancel()

    async def _begin(self) -> None:
        self._has_begun = True
        await self._send(_response_start(self.status, _encoded(self.headers)))


@dataclass(frozen=True, slots=True)
class Ready:
    """A small answer as it is sent, which can be more than once."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    head: bytes
    """Status and headers as they stand on the line, but for the date and the end."""

    @classmethod
    def of(cls, answer: Answer) -> "Ready":
        """With the length of a body that there may be."""
        if not isinstance(answer.body, bytes):
            raise TypeError("an answer in pieces is not ready")
        status, headers = int(answer.status), _encoded(answer.headers.items())
        if status != HTTPStatus.NO_CONTENT and "Content-Length" not in answer.headers:
            headers.insert(0, (b"content-length", str(len(answer.body)).encode()))
        return cls(status, headers, answer.body, head_of(status, headers))

    def with_header(self, name: bytes, value: bytes) -> "Ready":
        more = [(name, value)]
        return Ready(self.status, self.headers + more, self.body, self.head + lines_of(more))

    async def send(self, send: Send) -> None:
        """Nobody has to wait for it."""
        await send(_response_start(self.status, [*self.headers]))
        await send({"type": "http.response.body", "body": self.body})


def _response_start(status: int, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": int(status), "headers": headers}


def _encoded(headers: Iterable[Header]) -> list[tuple[bytes, bytes]]:
    return [(_name(name), value.encode("latin-1")) for name, value in headers]


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _wait(loop: asyncio.AbstractEventLoop, doing: Any) -> None:
    """Do something on the loop, from a thread, and wait until it is done."""
    asyncio.run_coroutine_threadsafe(doing, loop).result()

"""Pushes at the front door: the steps whose bodies are small come whole before a thread begins.

The rules are those of the views, as with the reads: ``registry.api`` has one function for what a
step answers. What is left to the views they get as it came, with the bytes that were received.
"""

import asyncio
import logging
import sqlite3
from http import HTTPStatus

from django.core.exceptions import SuspiciousOperation, SynchronousOnlyOperation
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from accounts.origin import settle
from accounts.statements import LoopReader
from config.serving.bodies import Message, Receive
from config.serving.headers import UNUSUAL, usual_headers
from config.serving.shares import Holder, Place, ShareTaken
from config.serving.threads import Threads
from config.serving.transport import (
    IDLE_SECONDS,
    Scope,
    Send,
    Transport,
    environ_of,
    response_start,
)
from registry.api.distribution.hot_pushes import PushRequest, hot_push
from registry.api.distribution.reads import Answer
from registry.rows.connections import connection_of_a_call

logger = logging.getLogger(__name__)

_THREADS = 8  # most of their time they wait for a disk
_WHOLE_BYTES = 1024 * 1024  # what an upload may have in memory anyway, on its way to a thread
_GATHERED_BYTES = 64 * 1024 * 1024  # of all requests at once
_GATHERED_SECONDS = 10
_METHODS = frozenset({"POST", "PATCH", "PUT"})
_PREFIX = b"/v2/"
_UPLOADS = b"/blobs/uploads"
_UNUSUAL = UNUSUAL | {"sec-fetch-site"}

# What the views would have to say no to, or to do: they do.
LEFT_TO_VIEWS = (
    DatabaseError,
    InterfaceError,
    OSError,
    SuspiciousOperation,
    SynchronousOnlyOperation,
    sqlite3.Error,
)


class PushDoor:
    """An ASGI application for requests that ``is_push`` says are for it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._threads = Threads(_THREADS, idle_seconds=IDLE_SECONDS)
        self._gathered = 0

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, reader: LoopReader | None
    ) -> None:
        """``reader``: of this loop, if what only reads may be answered on it."""
        body = _Body(receive)
        answer = await self._answer(scope, body, reader)
        if answer is None:
            await self._transport(scope, body.again, send)
            return
        content = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        headers = {**answer.headers}
        if answer.status != HTTPStatus.NO_CONTENT:
            headers.setdefault("Content-Length", str(len(content)))
        await send(response_start(answer.status, headers.items()))
        await send({"type": "http.response.body", "body": content})

    async def _answer(
        self, scope: Scope, body: "_Body", reader: LoopReader | None
    ) -> Answer | None:
        """``None``: the views are to be asked, who may have a refusal for it."""
        read = _read(scope)
        if read is None or self._gathered + read[1] > _GATHERED_BYTES:
            return None
        request, length = read
        environ = environ_of(scope)
        settle(environ)
        holder = Holder.of(environ)
        if not holder.account:
            return None
        shares = self._transport.shares
        try:
            if request.method == "POST":
                shares.require_upload(holder)
            if reader is not None and request.opens:
                reader.look()
                return _answer(request, [])
            with shares.held(Place.BODY, holder):
                return await self._asked(request, body, length, holder)
        except ShareTaken:
            return None

    async def _asked(
        self, request: PushRequest, body: "_Body", length: int, holder: Holder
    ) -> Answer | None:
        self._gathered += length
        try:
            await body.gather(length)
            if not body.is_whole:
                return None
            asked = self._threads.submit_for(
                holder.network, _answer_and_let_go, request, body.pieces
            )
            return await asyncio.wrap_future(asked)
        finally:
            self._gathered -= length


def is_push(scope: Scope) -> bool:
    return scope["method"] in _METHODS and _UPLOADS in scope["raw_path"]


class _Body:
    """A body on its way in, which can be received once more by somebody else."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []
        self.is_whole = False

    @property
    def pieces(self) -> list[bytes]:
        return [piece for message in self._messages if (piece := message.get("body"))]

    async def gather(self, length: int) -> None:
        """Receive ``length`` bytes, unless that takes too long or the client goes away."""
        if length == 0:
            self.is_whole = True
            return
        try:
            async with asyncio.timeout(_GATHERED_SECONDS):
                while not self.is_whole:
                    message = await self._receive()
                    self._messages.append(message)
                    if message["type"] != "http.request":
                        return
                    self.is_whole = not message["more_body"]
        except TimeoutError:
            return

    async def again(self) -> Message:
        if self._messages:
            return self._messages.pop(0)
        return await self._receive()


def _read(scope: Scope) -> tuple[PushRequest, int] | None:
    """What a push is told by, and the length of its body; ``None`` when it is unusual."""
    path: bytes = scope["raw_path"]
    if not path.startswith(_PREFIX) or b"%" in path:
        return None
    headers = usual_headers(scope, _UNUSUAL)
    if headers is None:
        return None
    text = headers.get("content-length", "" if scope["http_version"] == "2" else "0")
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) > _WHOLE_BYTES:
        return None
    query = scope["query_string"].decode("latin-1")
    return PushRequest(scope["method"], path.decode("latin-1"), query, headers), int(text)


def _answer(request: PushRequest, pieces: list[bytes]) -> Answer | None:
    try:
        return hot_push(request, pieces, now=timezone.now())
    except LEFT_TO_VIEWS:
        return None
    except Exception:
        logger.exception("a push failed at the front door, and is left to the views")
        return None


def _answer_and_let_go(request: PushRequest, pieces: list[bytes]) -> Answer | None:
    with connection_of_a_call():
        return _answer(request, pieces)

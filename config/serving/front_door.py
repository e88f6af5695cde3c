"""The front door: what every pull asks for is answered before Django, all else by Django.

On SQLite the answer is found on the event loop itself, since a read by an index takes less than
the way to a thread and back; on PostgreSQL in a few threads that do nothing else, so that pages
and pushes never keep a pull waiting. The rules are those of the views: ``registry.api`` has one
function for what a read answers, and here it only becomes messages of ASGI.
"""

import asyncio
import sqlite3
from contextlib import ExitStack

from django.core.exceptions import SuspiciousOperation, SynchronousOnlyOperation
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from accounts.statements import LoopReader, read_on_loop
from config.serving.bodies import Receive
from config.serving.headers import Headers, usual_headers
from config.serving.pushes import PushDoor, is_push
from config.serving.threads import Threads
from config.serving.transport import (
    IDLE_SECONDS,
    SMALL_ANSWER_BYTES,
    Scope,
    Send,
    Transport,
    response_start,
)
from registry.api.distribution.hot import hot_answer
from registry.api.distribution.reads import Answer
from registry.rows.connections import release_connection
from registry.storage.files import FileReader

_THREADS = 4
_PREFIX = b"/v2/"
_METHODS = frozenset({"GET", "HEAD"})
# With any of these a request has a body, or means more than its address.
_UNUSUAL = frozenset(
    {"expect", "forwarded", "origin", "transfer-encoding", "upgrade", "x-forwarded-host"}
)
# What the views would have to say no to, or to do: they do.
_LEFT_TO_VIEWS = (
    DatabaseError,
    InterfaceError,
    OSError,
    SuspiciousOperation,
    SynchronousOnlyOperation,
    sqlite3.Error,
)


class FrontDoor:
    """An ASGI application."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pushes = PushDoor(transport)
        self._opened = ExitStack()
        self._reader: LoopReader | None = None
        self._threads: Threads | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_push(scope):
            self._open()
            await self._pushes(scope, receive, send, self._reader)
            return
        request = _hot_request(scope)
        answer = await self._answer(request) if request else None
        if answer is None:
            await self._transport(scope, receive, send)
            return
        body = answer.body
        if isinstance(body, FileReader) and body.is_in_memory():
            body = next(body, b"")  # a small blob is one piece
        if not isinstance(body, bytes) or len(body) > SMALL_ANSWER_BYTES:
            await self._transport.send(scope, answer.status, answer.headers, body, receive, send)
            return
        await send(response_start(answer.status, answer.headers.items()))
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, request: "_Request") -> Answer | None:
        self._open()
        if self._reader is not None:
            return _answer(request, self._reader)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _answer_and_let_go, request)

    def _open(self) -> None:
        if self._reader is not None or self._threads is not None:
            return
        if connection.vendor == "sqlite":
            reading = read_on_loop(connection.settings_dict["NAME"])
            self._reader = self._opened.enter_context(reading)
        else:
            self._threads = Threads(_THREADS, idle_seconds=IDLE_SECONDS)

    def close(self) -> None:
        """Give back what reading on the loop took."""
        self._opened.close()


_Request = tuple[str, str, str, Headers]


def _hot_request(scope: Scope) -> _Request | None:
    """What a read is told by; ``None`` when it cannot be one, or is unusual."""
    method: str = scope["method"]
    path: bytes = scope["raw_path"]
    if method not in _METHODS or not path.startswith(_PREFIX) or b"%" in path:
        return None
    headers = usual_headers(scope, _UNUSUAL)
    if headers is None or headers.get("content-length", "0") != "0":
        return None
    return method, path.decode("latin-1"), scope["query_string"].decode("latin-1"), headers


def _answer(request: _Request, reader: LoopReader | None = None) -> Answer | None:
    try:
        if reader is not None:
            reader.look()
        return hot_answer(*request, now=timezone.now())
    except _LEFT_TO_VIEWS:
        return None


def _answer_and_let_go(request: _Request) -> Answer | None:
    try:
        return _answer(request)
    finally:
        connection.close_if_unusable_or_obsolete()
        release_connection()

"""The front door: what every pull asks for is answered before Django, all else by Django.

On SQLite the answer is found on the event loop itself, since a read by an index takes less than
the way to a thread and back; on PostgreSQL in a few threads that do nothing else, so that pages
and pushes never keep a pull waiting. The rules are those of the views: ``registry.api`` has one
function for what a read answers, and here it only becomes messages of ASGI.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import TypeGuard

from django.db import connection
from django.utils import timezone

from accounts.statements import LoopReader, read_on_loop
from config.front_door.bodies import Receive
from config.front_door.pushes import PushDoor, is_push
from config.front_door.requests import UNUSUAL, Scope, environ_of, usual_headers
from config.front_door.threads import Threads
from config.front_door.transport import (
    IDLE_SECONDS,
    SMALL_ANSWER_BYTES,
    Send,
    Transport,
    send_small,
)
from registry.api.distribution.hot import LEFT_TO_VIEWS, Hot, hot_answer
from registry.api.distribution.reads import Answer
from registry.api.origins import VARIES_BY, depends_on_origin
from registry.rows.connections import connection_of_a_call
from registry.storage.files import FileReader

_THREADS = 4
_PREFIX = b"/v2/"
_METHODS = frozenset({"GET", "HEAD"})


class FrontDoor:
    """An ASGI application."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pushes = PushDoor(transport)
        self._opened = ExitStack()
        self._reader: LoopReader | None = None
        self._threads: Threads | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._open()
        answer = self._answer_at_once(scope)
        if answer is not None and _is_small(answer.body):
            await send_small(send, answer.status, answer.headers, answer.body)
            return
        await self._serve(scope, answer, receive, send)

    def _answer_at_once(self, scope: Scope) -> Answer | None:
        """What can be answered without waiting for anybody; ``None``: all else."""
        if self._reader is None:
            return None
        if is_push(scope):
            return self._pushes.answer_at_once(scope, self._reader)
        hot = _hot(scope, is_on_loop=True)
        if hot is None:
            return None
        try:
            self._reader.look()
        except sqlite3.Error:
            return None
        return _answer(hot)

    async def _serve(
        self, scope: Scope, answer: Answer | None, receive: Receive, send: Send
    ) -> None:
        if answer is None and is_push(scope):
            await self._pushes(scope, receive, send)
            return
        if answer is None and self._threads is not None:
            hot = _hot(scope, is_on_loop=False)
            asked = hot and self._threads.submit(_answer_and_let_go, hot)
            answer = await asyncio.wrap_future(asked) if asked else None
        if answer is None:
            await self._transport(scope, receive, send)
            return
        await self._transport.send(scope, answer, receive, send)

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


def _hot(scope: Scope, *, is_on_loop: bool) -> Hot | None:
    """A request that may be answered here; ``None`` when it is another, or unusual."""
    method: str = scope["method"]
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    if method not in _METHODS or not path.startswith(_PREFIX) or b"%" in path:
        return None
    if not (path.isascii() and query.isascii()):
        return None
    headers = usual_headers(scope, UNUSUAL)
    if headers is None or headers.get("content-length", "0") != "0":
        return None
    environ = partial(environ_of, scope)
    return Hot(
        method,
        path.decode(),
        query.decode(),
        headers,
        environ,
        is_on_loop=is_on_loop,
        now=timezone.now(),
    )


def _is_small(body: bytes | Iterator[bytes]) -> TypeGuard[bytes]:
    return isinstance(body, bytes) and len(body) <= SMALL_ANSWER_BYTES


def _answer(hot: Hot) -> Answer | None:
    try:
        answer = hot_answer(hot)
    except LEFT_TO_VIEWS:
        return None
    if answer is None:
        return None
    body, headers = answer.body, answer.headers
    if isinstance(body, FileReader) and body.is_in_memory():
        body = next(body, b"")  # a small blob is one piece
    if depends_on_origin():
        headers = {**headers, "Vary": VARIES_BY}
    return Answer(answer.status, headers, body)


def _answer_and_let_go(hot: Hot) -> Answer | None:
    with connection_of_a_call():
        return _answer(hot)

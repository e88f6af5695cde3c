"""The front door: what every pull asks for is answered before Django, all else by Django.

On SQLite the answer is found on the event loop itself, since a read by an index takes less than
the way to a thread and back; on PostgreSQL in a few threads that do nothing else, so that pages
and pushes never keep a pull waiting. The rules are those of the views: ``registry.api`` has one
function for what a read answers, and here it only becomes messages of ASGI.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus
from typing import TypeGuard

from django.db import connection
from django.utils import timezone

from accounts.statements import LoopReader, read_on_loop
from config.front_door.memory import Memory, RequestKey
from config.front_door.pushes import PushDoor, is_push
from config.front_door.requests import UNUSUAL, environ_of, usual_headers
from config.front_door.threads import Threads
from config.front_door.transport import IDLE_SECONDS, SMALL_ANSWER_BYTES, Ready, Transport
from config.web_server.exchange import Receive, Scope, Send
from registry.api.distribution.hot import (
    LEFT_TO_VIEWS,
    Admission,
    Hot,
    admission_of,
    hot_answer,
    read_answer,
)
from registry.api.distribution.reads import Answer
from registry.api.origins import VARIES_BY, depends_on_origin
from registry.rows.connections import connection_of_a_call
from registry.storage.files import FileReader

_THREADS = 4
_PREFIX = b"/v2/"
_ANSWER = "berth.found"  # where the scope keeps an answer that takes time to send
_METHODS = frozenset({"GET", "HEAD"})


class FrontDoor:
    """An ASGI application, in two parts: what can be answered at once, and what takes time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pushes = PushDoor(transport, self._looked)
        self._opened = ExitStack()
        self._reader: LoopReader | None = None
        self._memory: Memory | None = None
        self._threads: Threads | None = None
        self._looked_at = -1.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if ready := self.at_once(scope):
            await ready.send(send)
        else:
            await self.in_time(scope, receive, send)

    def at_once(self, scope: Scope) -> Ready | None:
        """What can be answered without waiting for anybody; ``None``: all else."""
        if is_push(scope):
            return self._pushes.answer_at_once(scope)
        self._open()
        if self._reader is None or self._memory is None:
            return None
        if not _may_be_read(scope):
            return None
        try:
            self._look(self._memory)
            return self._ready(scope, self._reader, self._memory)
        except LEFT_TO_VIEWS:
            return None

    async def in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what ``at_once`` had no answer for."""
        if is_push(scope):
            await self._pushes(scope, receive, send)
            return
        answer = await self._answer(scope)
        if answer is None:
            await self._transport(scope, receive, send)
        elif _is_small(answer.body):
            await Ready.of(answer).send(send)
        else:
            await self._transport.send(scope, answer, receive, send)

    def _looked(self) -> Memory | None:
        """The memory, after a look; ``None`` where the loop reads nothing.

        Raises ``sqlite3.Error``.
        """
        self._open()
        if self._memory:
            self._look(self._memory)
        return self._memory

    def _look(self, memory: Memory) -> None:
        """Once in each turn of the loop: what is answered in it had come before it began.

        In a turn uvloop asks the system again when very many connections have news. Its clock
        stands still until then.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now != self._looked_at:
            # First of all: what is called before the end of the turn had come before the look.
            loop.call_soon(self._end_turn)
            memory.look()
            self._looked_at = now

    def _end_turn(self) -> None:
        self._looked_at = -1.0

    def _ready(self, scope: Scope, reader: LoopReader, memory: Memory) -> Ready | None:
        """What was answered a moment ago, or is found now."""
        request_key = RequestKey.of(scope)
        admission: Admission | None = memory.again(request_key.caller) if request_key else None
        if request_key and admission:
            ready: Ready | None = memory.again((admission.key, request_key.what))
            if ready:
                return ready
        hot = _hot(scope, is_on_loop=True)
        if hot is None:
            return None
        if admission is None:
            with reader.holding() as holding:
                admission = admission_of(hot)
            if request_key and admission:
                memory.keep(request_key.caller, admission, holding, now=hot.now)
        with reader.holding() as holding:
            answer = _whole(read_answer(hot, admission) if admission else hot_answer(hot))
        if answer is None or not _is_small(answer.body):
            scope[_ANSWER] = answer
            return None
        ready = Ready.of(answer)
        if request_key and admission and answer.status < HTTPStatus.BAD_REQUEST:
            size = len(ready.body)
            memory.keep(
                (admission.key, request_key.what), ready, holding, now=hot.now, size_bytes=size
            )
        return ready

    async def _answer(self, scope: Scope) -> Answer | None:
        answer: Answer | None = scope.pop(_ANSWER, None)
        if answer is None and self._threads is not None:
            hot = _hot(scope, is_on_loop=False)
            future = hot and self._threads.submit(_answer_and_let_go, hot)
            answer = await asyncio.wrap_future(future) if future else None
        return answer

    def _open(self) -> None:
        if self._reader is not None or self._threads is not None:
            return
        if connection.vendor == "sqlite":
            reading = read_on_loop(connection.settings_dict["NAME"])
            self._reader = self._opened.enter_context(reading)
            self._memory = Memory(self._reader)
        else:
            self._threads = Threads(_THREADS, idle_seconds=IDLE_SECONDS)

    def close(self) -> None:
        """Give back what reading on the loop took."""
        self._opened.close()


def _hot(scope: Scope, *, is_on_loop: bool) -> Hot | None:
    """A request that may be answered here; ``None`` when it is another, or unusual."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    if not _may_be_read(scope) or b"%" in path or not (path.isascii() and query.isascii()):
        return None
    headers = usual_headers(scope, UNUSUAL)
    if headers is None or headers.get("content-length", "0") != "0":
        return None
    environ = partial(environ_of, scope)
    return Hot(
        scope["method"],
        path.decode(),
        query.decode(),
        headers,
        environ,
        is_on_loop=is_on_loop,
        now=timezone.now(),
    )


def _may_be_read(scope: Scope) -> bool:
    return scope["method"] in _METHODS and scope["raw_path"].startswith(_PREFIX)


def _is_small(body: bytes | Iterator[bytes]) -> TypeGuard[bytes]:
    return isinstance(body, bytes) and len(body) <= SMALL_ANSWER_BYTES


def _whole(answer: Answer | None) -> Answer | None:
    """With the body itself where it is at hand, and what every answer of ours has."""
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
        try:
            return _whole(hot_answer(hot))
        except LEFT_TO_VIEWS:
            return None

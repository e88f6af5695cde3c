"""The front door: what every pull asks for is answered before Django, all else by Django.

On SQLite the answer is found on the event loop itself, since a read by an index takes less than
the way to a thread and back; on PostgreSQL in a few threads that do nothing else, so that pages
and pushes never keep a pull waiting. What holds until somebody commits is given again: that nobody
did PostgreSQL is asked once for all who wait. The rules are those of the views: ``registry.api``
has one function for what a read answers, and here it only becomes messages of ASGI.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TypeGuard

from django.db import connection
from django.utils import timezone

from accounts.statements import Holding, LoopReader, holding, holding_of_a_call, read_on_loop
from config.front_door.memory import Memory, RequestKey
from config.front_door.pushes import PushDoor, is_push
from config.front_door.requests import UNUSUAL, environ_of, usual_headers
from config.front_door.snapshots import Snapshots
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
        self._remembered = Memory()
        self._threads: Threads | None = None
        self._snapshots: Snapshots | None = None
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
        if self._reader is None or not _may_be_read(scope):
            return None
        try:
            self._look(self._reader)
            return self._ready(scope, self._remembered)
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
        elif isinstance(answer, Ready):
            await answer.send(send)
        else:
            await self._transport.send(scope, answer, receive, send)

    def _looked(self) -> Memory | None:
        """The memory, after a look; ``None`` where the loop reads nothing.

        Raises ``sqlite3.Error``.
        """
        self._open()
        if self._reader is None:
            return None
        self._look(self._reader)
        return self._remembered

    def _look(self, reader: LoopReader) -> None:
        """Once in each turn of the loop: what is answered in it had come before it began.

        In a turn uvloop asks the system again when very many connections have news. Its clock
        stands still until then.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now != self._looked_at:
            # First of all: what is called before the end of the turn had come before the look.
            loop.call_soon(self._end_turn)
            reader.look()
            self._remembered.look(reader.version)
            self._looked_at = now

    def _end_turn(self) -> None:
        self._looked_at = -1.0

    def _ready(self, scope: Scope, memory: Memory) -> Ready | None:
        """What was answered a moment ago, or is found now, on the loop."""
        key = RequestKey.of(scope)
        ready, admission = _again(memory, key)
        hot = None if ready else _hot(scope, is_on_loop=True)
        if hot is None:
            return ready
        finding = _Finding.of(hot, admission, holding)
        ready = finding.ready
        if ready is None:
            scope[_ANSWER] = finding.answer
        elif key:
            finding.keep(memory, key, hot.now)
        return ready

    async def _answer(self, scope: Scope) -> Answer | Ready | None:
        """What takes a while: it is sent in pieces, or found in a thread."""
        answer: Answer | None = scope.pop(_ANSWER, None)
        if answer is not None or self._threads is None or self._snapshots is None:
            return answer
        hot = _hot(scope, is_on_loop=False)
        if hot is None:
            return None
        key = RequestKey.of(scope) if self._snapshots.is_worth_asking() else None
        memory, version, admission = self._remembered, None, None
        if key:
            try:
                version = await self._snapshots.now()
            except LEFT_TO_VIEWS:
                return None
            memory.look(version)
            ready, admission = _again(memory, key)
            self._snapshots.note(found=ready is not None)
            if ready:
                return ready
        call = self._threads.submit(_find_and_let_go, hot, admission)
        finding = await asyncio.wrap_future(call)
        if finding is None:
            return None
        # What was found may be younger than the version, which is none any more then.
        if key and memory.version == version:
            finding.keep(memory, key, hot.now)
        return finding.ready or finding.answer

    def _open(self) -> None:
        if self._reader is not None or self._threads is not None:
            return
        if connection.vendor == "sqlite":
            reading = read_on_loop(connection.settings_dict["NAME"])
            self._reader = self._opened.enter_context(reading)
        else:
            self._threads = Threads(_THREADS, idle_seconds=IDLE_SECONDS)
            self._snapshots = Snapshots(idle_seconds=IDLE_SECONDS)

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


def _again(memory: Memory, key: RequestKey | None) -> tuple[Ready | None, Admission | None]:
    """The answer that is remembered, and who may have it."""
    admission: Admission | None = memory.again(key.caller) if key else None
    ready = memory.again((admission.key, key.what)) if key and admission else None
    return ready, admission


@dataclass(frozen=True, slots=True)
class _Finding:
    """An answer, and how long it and its admission hold."""

    answer: Answer | None
    ready: Ready | None  # the same, where it is small
    admission: Admission | None
    admission_held: Holding | None  # ``None``: it was remembered
    held: Holding

    @classmethod
    def of(
        cls,
        hot: Hot,
        admission: Admission | None,
        held: Callable[[], AbstractContextManager[Holding]],
    ) -> "_Finding":
        """Raises what ``LEFT_TO_VIEWS`` names."""
        admission_held = None
        if admission is None:
            with held() as admission_held:
                admission = admission_of(hot)
        with held() as answer_held:
            answer = _whole(read_answer(hot, admission) if admission else hot_answer(hot))
        ready = Ready.of(answer) if answer and _is_small(answer.body) else None
        return cls(answer, ready, admission, admission_held, answer_held)

    def keep(self, memory: Memory, key: RequestKey, now: datetime) -> None:
        if self.admission is None:
            return
        if self.admission_held:
            memory.keep(key.caller, self.admission, self.admission_held, now=now)
        if self.ready and self.ready.status < HTTPStatus.BAD_REQUEST:
            size = len(self.ready.body)
            place = (self.admission.key, key.what)
            memory.keep(place, self.ready, self.held, now=now, size_bytes=size)


def _find_and_let_go(hot: Hot, admission: Admission | None) -> _Finding | None:
    with connection_of_a_call():
        try:
            return _Finding.of(hot, admission, holding_of_a_call)
        except LEFT_TO_VIEWS:
            return None

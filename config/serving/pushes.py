"""Pushes at the front door: the steps whose bodies are small come whole before a thread begins.

The rules are those of the views, as with the reads: ``registry.api`` has one function for what a
step answers. What is left to the views they get as it came, with the bytes that were received.
"""

import asyncio
import logging
import sqlite3
import threading
from dataclasses import dataclass, replace
from http import HTTPStatus

from django.db import connection
from django.utils import timezone

from accounts.statements import LoopReader
from config.serving.bodies import Message, Receive
from config.serving.requests import UNUSUAL, Scope, environ_of, usual_headers
from config.serving.shares import Holder, Place, ShareTaken
from config.serving.threads import Threads, Turns
from config.serving.transport import IDLE_SECONDS, Send, Transport, send_small
from registry.api.distribution.hot_pushes import PushRequest, hot_push, hot_pushes
from registry.api.distribution.reads import Answer
from registry.rows.connections import connection_of_a_call
from registry.storage.filesystem import FilesystemStore
from registry.storage.select import blob_store

logger = logging.getLogger(__name__)

_WHOLE_BYTES = 1024 * 1024  # what an upload may have in memory anyway, on its way to a thread
_GATHERED_BYTES = 64 * 1024 * 1024  # of all requests at once
_GATHERED_SECONDS = 10
_METHODS = frozenset({"POST", "PATCH", "PUT"})
_PREFIX = b"/v2/"
_UPLOADS = b"/blobs/uploads"
_UNUSUAL = UNUSUAL | {"sec-fetch-site"}


class PushDoor:
    """An ASGI application for requests that ``is_push`` says are for it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._steps = Steps()
        self._gathered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive)
        answer = await self._answer(scope, body)
        if answer is None:
            await self._transport(scope, body.again, send)
            return
        content = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        await send_small(send, answer.status, answer.headers, content)

    def answer_at_once(self, scope: Scope, reader: LoopReader) -> Answer | None:
        """A session that is only named, which writes nothing: on the loop of ``reader``."""
        if scope["method"] != "POST" or scope["query_string"]:
            return None
        read = _read(scope)
        if read is None or read[1]:
            return None
        try:
            if self._holder(scope, read[0]) is None:
                return None
            reader.look()
        except (ShareTaken, sqlite3.Error):
            return None
        return _with_length(hot_push(read[0], now=timezone.now()))

    async def _answer(self, scope: Scope, body: "_Body") -> Answer | None:
        """``None``: the views are to be asked, who may have a refusal for it."""
        read = _read(scope)
        if read is None or self._gathered + read[1] > _GATHERED_BYTES:
            return None
        request, length = read
        try:
            holder = self._holder(scope, request)
            if holder is None:
                return None
            with self._transport.shares.held(Place.BODY, holder):
                return _with_length(await self._asked(request, body, length, holder))
        except ShareTaken:
            return None

    def _holder(self, scope: Scope, request: PushRequest) -> Holder | None:
        """Whose places a push takes; ``None``: a stranger's. Raises ``ShareTaken``."""
        holder = Holder.of(environ_of(scope))
        if not holder.account:
            return None
        if request.method == "POST":
            self._transport.shares.require_upload(holder)
        return holder

    async def _asked(
        self, request: PushRequest, body: "_Body", length: int, holder: Holder
    ) -> Answer | None:
        self._gathered += length
        try:
            await body.gather(length)
            if not body.is_whole:
                return None
            whole = replace(request, body=body.joined())
            return await self._steps.answer(whole, holder.network)
        finally:
            self._gathered -= length


@dataclass(frozen=True, slots=True)
class _Step:
    request: PushRequest
    answer: "asyncio.Future[Answer | None]"


class Steps:
    """Steps of pushes whose bodies have come, and the threads that take them.

    Where writers wait in line for each other, who comes to its turn takes along all that wait:
    they wait for the disk once. Few threads are enough then, one of which waits for the disk.
    Elsewhere the database, or another machine, does many at once.
    """

    _TOGETHER_THREADS, _TOGETHER = 2, 16
    _SINGLE_THREADS = 8

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Turns[_Step] = Turns()
        self._working = 0
        self._threads = Threads(self._SINGLE_THREADS, idle_seconds=IDLE_SECONDS)

    async def answer(self, request: PushRequest, holder: str) -> Answer | None:
        """What a step answers; ``None``: the views are to be asked."""
        loop = asyncio.get_running_loop()
        step = _Step(request, loop.create_future())
        is_local = connection.vendor == "sqlite" and isinstance(blob_store(), FilesystemStore)
        together = self._TOGETHER if is_local else 1
        with self._lock:
            self._waiting.put(holder, step)
            begins = self._working < (self._TOGETHER_THREADS if is_local else self._SINGLE_THREADS)
            self._working += begins
        if begins:
            self._begin(loop, together)
        return await step.answer

    def _begin(self, loop: asyncio.AbstractEventLoop, together: int) -> None:
        try:
            self._threads.submit(self._work, loop, together)
        except RuntimeError:  # the machine has no thread left
            with self._lock:
                self._working -= 1
            raise

    def _work(self, loop: asyncio.AbstractEventLoop, together: int) -> None:
        """In a thread, as long as anything waits."""
        while steps := self._taken(together):
            left = dict(enumerate(steps))
            try:
                with connection_of_a_call():
                    requests = [step.request for step in steps]
                    for number, answer in hot_pushes(requests, now=timezone.now()):
                        loop.call_soon_threadsafe(_tell, left.pop(number), answer)
            except Exception:
                logger.exception("pushes failed at the front door, and are left to the views")
            for step in left.values():
                loop.call_soon_threadsafe(_tell, step, None)

    def _taken(self, most: int) -> list[_Step]:
        with self._lock:
            taken: list[_Step] = []
            while len(taken) < most and (step := self._waiting.take()):
                taken.append(step)
            if not taken:
                self._working -= 1
            return taken


def _tell(step: _Step, answer: Answer | None) -> None:
    if not step.answer.done():  # whoever asked may be gone
        step.answer.set_result(answer)


def is_push(scope: Scope) -> bool:
    return scope["method"] in _METHODS and _UPLOADS in scope["raw_path"]


class _Body:
    """A body on its way in, which can be received once more by somebody else."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []
        self.is_whole = False

    def joined(self) -> bytes:
        """All that was gathered, in one piece: each is written for itself."""
        content = b"".join(message.get("body", b"") for message in self._messages)
        if len(self._messages) > 1 and self.is_whole:
            self._messages = [{"type": "http.request", "body": content, "more_body": False}]
        return content

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


def _with_length(answer: Answer | None) -> Answer | None:
    """With the length of a body that there may be."""
    if answer is None or answer.status == HTTPStatus.NO_CONTENT:
        return answer
    length = len(answer.body) if isinstance(answer.body, bytes) else 0
    return Answer(answer.status, {"Content-Length": str(length), **answer.headers}, answer.body)

"""Pushes at the front door: none holds a thread while its client sends.

Small bodies come whole before a thread begins. Of large ones a thread takes what has come, again
and again. The rules are those of the views, as with the reads: ``registry.api`` has one function
for what a step answers. What is left to the views they get as it came, with the bytes that were
received.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from django.db import connection
from django.utils import timezone

from accounts.origin import FORWARDED
from artifacts.oci.errors import TooManyRequests
from config.front_door.bodies import Incoming
from config.front_door.memory import Memory
from config.front_door.requests import UNUSUAL, environ_of, usual_headers
from config.front_door.shares import Holder, Place, ShareTaken
from config.front_door.threads import Threads, Turns
from config.front_door.transport import IDLE_SECONDS, Ready, Transport
from config.web_server.exchange import BODY, Receive, Scope, Send
from registry.api.distribution.hot import LEFT_TO_VIEWS
from registry.api.distribution.hot_pushes import (
    Pusher,
    PushRequest,
    arriving,
    hot_push,
    hot_pushes,
    pusher_of,
    refused_while_arriving,
)
from registry.api.distribution.reads import Answer
from registry.api.http.bodies import BodyBroken
from registry.blobs.transfers import transfers
from registry.blobs.uploads import Receiver
from registry.rows.connections import connection_of_a_call
from registry.storage.filesystem import FilesystemStore
from registry.storage.select import blob_store

T = TypeVar("T")

logger = logging.getLogger(__name__)

_WHOLE_BYTES = 1024 * 1024  # what an upload may have in memory anyway, on its way to a thread
_GATHERED_BYTES = 64 * 1024 * 1024  # of all requests at once
_GATHERED_SECONDS = 10
_METHODS = frozenset({"POST", "PATCH", "PUT"})
_PREFIX = b"/v2/"
_UPLOADS = b"/blobs/uploads"
_UNUSUAL = UNUSUAL - {"expect", "transfer-encoding"} | {"sec-fetch-site"}
_CONTINUE = "100-continue"
# All headers that tell who sends a push, and to which host.
_BY_SENDER = ("authorization", "host", *FORWARDED)


@dataclass(frozen=True, slots=True)
class _Sender:
    """Whose places a push takes, and the right that it goes by."""

    holder: Holder
    pusher: Pusher | None  # ``None``: whoever answers is to ask for it


class PushDoor:
    """An ASGI application for requests that ``is_push`` says are for it."""

    def __init__(self, transport: Transport, looked: Callable[[], Memory | None]) -> None:
        """``looked`` gives the memory of the loop, without what may be otherwise by now.

        ``None`` where the loop reads nothing. Raises ``sqlite3.Error``.
        """
        self._transport = transport
        self._looked = looked
        self._steps = Steps()
        self._arrivals = Arrivals()
        self._gathered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = Incoming(receive, scope.get(BODY))
        answer = await self._answer(scope, body)
        if answer is None:
            await self._transport(scope, body.again, send)
            return
        await Ready.of(answer).send(send)
        await body.drain()

    def answer_at_once(self, scope: Scope) -> Ready | None:
        """A session that is only named, which writes nothing: on a loop that reads."""
        if scope["method"] != "POST" or scope["query_string"]:
            return None
        request = _read(scope)
        if request is None or request.length != 0:
            return None
        try:
            sender = self._sender(scope, request)
        except ShareTaken:
            return None
        if sender is None or sender.pusher is None:
            return None
        answer = hot_push(replace(request, pusher=sender.pusher), now=timezone.now())
        return Ready.of(answer) if answer else None

    async def _answer(self, scope: Scope, body: Incoming) -> Answer | None:
        """``None``: the views are to be asked, who may have a refusal for it."""
        request = _read(scope)
        if request is None:
            return None
        try:
            sender = self._sender(scope, request)
            if sender is None:
                return None
            answer, holder = None, sender.holder
            if _may_be_small(request):
                with self._transport.shares.held(Place.BODY, holder):
                    answer = await self._small_answer(scope, request, body, sender)
            if (
                answer is None
                and not body.is_gathered
                and isinstance(blob_store(), FilesystemStore)
            ):
                with self._transport.shares.held(Place.UPLOAD, holder), transfers.upload():
                    answer = await self._arrivals.answer(request, body, holder.network)
        except (ShareTaken, TooManyRequests):
            return None
        return answer

    def _sender(self, scope: Scope, request: PushRequest) -> _Sender | None:
        """``None``: a stranger, or whoever may not for certain. Raises ``ShareTaken``."""
        try:
            sender = self._find_sender(scope, request)
        except LEFT_TO_VIEWS:
            return None
        if sender and request.method == "POST":
            self._transport.shares.require_upload(sender.holder)
        return sender

    def _find_sender(self, scope: Scope, request: PushRequest) -> _Sender | None:
        memory = self._looked()
        if memory is None:
            holder = Holder.of(environ_of(scope))
            return _Sender(holder, None) if holder.account else None
        now = timezone.now()

        def find() -> _Sender | None:
            holder = Holder.of(environ_of(scope))
            pusher = pusher_of(request, now=now) if holder.account else None
            return _Sender(holder, pusher) if pusher else None

        credentials = tuple(map(request.headers.get, _BY_SENDER))
        return memory.get_or_find(
            (scope["client"][0], request.target[0], credentials), find, now=now
        )

    async def _small_answer(
        self, scope: Scope, request: PushRequest, body: Incoming, sender: _Sender
    ) -> Answer | None:
        """``None``, too, when the body is not small, or comes slowly."""
        most = _WHOLE_BYTES if request.length is None else request.length
        if self._gathered + most > _GATHERED_BYTES:
            return None
        self._gathered += most
        try:
            content = await body.gather(most, _GATHERED_SECONDS)
            if not body.is_gathered:
                return None
            # Its body took its time, and the right may be gone.
            still = self._sender(scope, request) if most else sender
            if still is None:
                return None
            whole = replace(request, body=content, length=len(content), pusher=still.pusher)
            return await self._steps.answer(whole, still.holder.network)
        finally:
            self._gathered -= most


class Arrivals:
    """Bodies that are stored as they come, by a few threads for all."""

    _THREADS = 16
    # Of all that come in, and as much that a thread writes.
    _BATCHES_BYTES = 64 * 1024 * 1024
    _MOST_BYTES = 1024 * 1024
    _LEAST_BYTES = 32 * 1024

    def __init__(self) -> None:
        self._threads = Threads(self._THREADS, idle_seconds=IDLE_SECONDS)
        self._count = 0

    async def answer(self, request: PushRequest, body: Incoming, holder: str) -> Answer | None:
        """What a step answers; ``None``: the views are to be asked, and nothing was received."""

        def submit(call: Callable[[], Any]) -> Future[Any]:
            return self._threads.submit_for(holder, _called, call)

        begin = partial(arriving, request, now=timezone.now())
        receiver: Receiver[Answer] | None = await asyncio.wrap_future(submit(begin))
        if receiver is None:
            return None
        arrival = _Arrival(receiver, submit, self._batch_bytes)
        self._count += 1
        try:
            return await arrival.answer(body, is_sized=request.length is not None)
        except Exception as error:
            return refused_while_arriving(error, request)
        finally:
            self._count -= 1
            arrival.end()

    def _batch_bytes(self) -> int:
        fair = self._BATCHES_BYTES // max(1, self._count)
        return max(self._LEAST_BYTES, min(self._MOST_BYTES, fair))


class _Arrival:
    """One body. While a thread writes some of it, more is received; then the client waits."""

    def __init__(
        self,
        receiver: Receiver[Answer],
        submit: "Callable[[Callable[[], Any]], Future[Any]]",
        batch_bytes: Callable[[], int],
    ) -> None:
        self._receiver = receiver
        self._submit = submit
        self._batch_bytes = batch_bytes
        self._batch = memoryview(bytearray(batch_bytes()))
        self._size = 0  # of what has come into it
        self._other = memoryview(b"")  # what a thread writes from, or did
        self._doing: Future[Any] | None = None

    async def answer(self, body: Incoming, *, is_sized: bool) -> Answer:
        """Raises what a view would raise."""
        try:
            await body.take_all(self._take, place=lambda: self._batch[self._size :])
        except BodyBroken as broken:
            if not is_sized:  # of another, what came counts
                await self._do(partial(self._receiver.give_up, broken))
                raise
        if self._size:
            await self._hand_over()
        finished: Answer = await self._do(partial(self._receiver.finish, now=timezone.now()))
        return finished

    def end(self) -> None:
        """Let go of what is held, in a thread, when this was broken off."""
        if self._receiver.is_over:
            return
        if self._doing is None or self._doing.done():
            self._submit(self._receiver.close)
        else:
            self._doing.add_done_callback(lambda _: self._submit(self._receiver.close))

    def _take(self, piece: bytes | memoryview) -> Awaitable[None] | None:
        self._size += len(piece)
        return self._hand_over() if self._size == len(self._batch) else None

    async def _hand_over(self) -> None:
        """Write what has come, once what came before is written, and go on in its place."""
        await self._done()
        full, self._batch, self._other = self._batch, self._other, self._batch
        self._doing = self._submit(partial(self._receiver.write, [full[: self._size]]))
        self._size = 0
        if len(self._batch) != (wanted := self._batch_bytes()):
            self._batch = memoryview(bytearray(wanted))

    async def _do(self, call: Callable[[], Any]) -> Any:
        await self._done()
        self._doing = self._submit(call)
        return await self._done()

    async def _done(self) -> Any:
        if self._doing is None:
            return None
        return await asyncio.wrap_future(self._doing)


def _called(call: Callable[[], T]) -> T:
    with connection_of_a_call():
        return call()


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


def _read(scope: Scope) -> PushRequest | None:
    """What a push is told by; ``None`` when it is unusual."""
    path: bytes = scope["raw_path"]
    if not path.startswith(_PREFIX) or b"%" in path:
        return None
    headers = usual_headers(scope, _UNUSUAL)
    if headers is None or headers.get("expect", _CONTINUE).lower() != _CONTINUE:
        return None
    if "transfer-encoding" in headers:
        length, is_usual = None, _is_chunked(headers)
    else:
        text = headers.get("content-length", "" if scope["http_version"] == "2" else "0")
        is_usual = text.isascii() and text.isdecimal() and len(text) < 20
        length = int(text) if is_usual else None
    if not is_usual:
        return None
    query = scope["query_string"].decode("latin-1")
    return PushRequest(scope["method"], path.decode("latin-1"), query, headers, length)


def _is_chunked(headers: Mapping[str, str]) -> bool:
    coding = headers["transfer-encoding"].strip().lower()
    return coding == "chunked" and "content-length" not in headers


def _may_be_small(request: PushRequest) -> bool:
    """Who asks before sending is told to send when somebody wants to read, and not before."""
    is_large = request.length is not None and request.length > _WHOLE_BYTES
    return not is_large and "expect" not in request.headers

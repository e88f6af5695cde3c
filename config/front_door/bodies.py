"""Bodies of requests as they come: small ones whole, large ones ahead of the thread that reads."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from config.front_door.pace import Pace, TooSlow
from config.web_server.exchange import Body, BodyGone
from config.web_server.limits import STALLED_SECONDS
from registry.api.http.bodies import SMALL_BODY_BYTES, BodyBroken

_BROKEN = "the body broke off, or its chunks are malformed"

logger = logging.getLogger("config.transport")  # a name that readers of logs know

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

_AHEAD_BYTES = 1024 * 1024  # of a body, received before the thread asks for them
_DRAIN_SECONDS = 1
_DRAIN_BYTES = 64 * 1024 * 1024


class BodyRefused(Exception):
    """A body that was not received: the status and a sentence to answer with."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Incoming:
    """The body of a request as it comes off the connection."""

    def __init__(self, receive: Receive, body: Body | None = None) -> None:
        """``body`` where the server can receive into memory of ours."""
        self._receive = receive
        self._body = body
        self._kept = memoryview(b"")  # it came, and nobody has taken it
        self._broken: Message | None = None  # said once, and true from then on
        self.is_whole = False
        self.is_gathered = False  # all of it is kept

    async def next(self) -> bytes:
        """The next bytes; none at the end. Raises ``BodyBroken``."""
        while not self.is_whole:
            if piece := self._piece_of(await self._received()):
                return piece
        return b""

    async def _received(self) -> Message:
        message = self._broken or await self._receive()
        if message["type"] != "http.request":
            self._broken = message
        return message

    def _piece_of(self, message: Message) -> bytes:
        if message["type"] != "http.request":
            raise BodyBroken(_BROKEN)
        self.is_whole = not message["more_body"]
        return bytes(message["body"])

    async def fill(self, place: memoryview) -> int:
        """Receive the next bytes into memory, at least one, none at the end; return how many.

        Raises ``BodyBroken``.
        """
        if self._body and not self._kept:
            try:
                size = await self._body.fill(place)
            except BodyGone:
                raise BodyBroken(_BROKEN) from None
            self.is_whole = self._body.is_taken
            return size
        kept = self._kept or memoryview(await self.next())
        size = min(len(kept), len(place))
        place[:size], self._kept = kept[:size], kept[size:]
        return size

    async def gather(self, most: int, seconds: float) -> memoryview:
        """Receive all, if it has at most so many bytes and takes no longer. What came is kept."""
        place, size = memoryview(bytearray(most)), 0
        self.is_whole = most == 0
        try:
            async with asyncio.timeout(seconds):
                while size < most and not self.is_whole:
                    size += await self.fill(place[size:])
        except (TimeoutError, BodyBroken):
            pass
        finally:
            rest, self._kept = self._kept, place[:size]
            self.is_gathered = self.is_whole and not rest
            if rest:
                self._kept = memoryview(b"".join((place[:size], rest)))
        return self._kept

    async def again(self) -> Message:
        """What was kept, and then what comes: for somebody else, as ``receive``."""
        if not self._kept:
            return await self._received()
        body, self._kept = bytes(self._kept), memoryview(b"")
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def take_all(
        self,
        take: Callable[[bytes | memoryview], Awaitable[Any] | None],
        *,
        place: Callable[[], memoryview] | None = None,
    ) -> None:
        """Hand all pieces of a body that may be large to ``take``, which may have to be waited for.

        Each piece is received into the ``place`` that is asked for, if any. Raises ``BodyBroken``:
        what came before was handed over.
        """
        pace, time = Pace.of_settings(), asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(STALLED_SECONDS) as stalled:
                set_at = began = time()
                while self._kept or not self.is_whole:
                    piece = await self._next_piece(place)
                    if not piece:
                        continue
                    now = time()
                    pace.note(len(piece), waited=now - began)
                    if waiting := take(piece):
                        stalled.reschedule(None)
                        await waiting
                        set_at = -STALLED_SECONDS
                    began = time()
                    # Seldom: to move a deadline costs more than to receive a piece.
                    if began - set_at > STALLED_SECONDS / 60:
                        stalled.reschedule(began + STALLED_SECONDS)
                        set_at = began
        except TimeoutError:
            raise BodyBroken(f"no byte of the body came for {STALLED_SECONDS} s") from None
        except TooSlow as error:
            raise BodyBroken(str(error)) from None

    async def _next_piece(self, place: Callable[[], memoryview] | None) -> bytes | memoryview:
        if place is None:
            return self._piece_of(await self._received())
        room = place()
        return room[: await self.fill(room)]

    async def drain(self) -> None:
        """Receive what is left, for a moment: clients may read no answer before they sent all."""
        left = _DRAIN_BYTES
        with suppress(TimeoutError, BodyBroken):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while left > 0 and (piece := await self.next()):
                    left -= len(piece)

    async def disconnected(self) -> None:
        """Return when the client is gone. Only for a request whose body has come, or is none."""
        while (await self._receive())["type"] == "http.request":
            continue


async def gather(incoming: Incoming, limit_bytes: int, seconds: float) -> IO[bytes]:
    """All of a body, in memory while it is small. Raises ``BodyRefused``."""
    # SIM115: the application reads it, and it vanishes with the request.
    gathered = SpooledTemporaryFile(max_size=SMALL_BODY_BYTES)  # noqa: SIM115
    is_whole = False
    try:
        async with asyncio.timeout(seconds):
            while piece := await incoming.next():
                if gathered.tell() + len(piece) > limit_bytes:
                    raise BodyRefused(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        f"the body may have at most {limit_bytes} bytes",
                    )
                gathered.write(piece)
        is_whole = True
    except TimeoutError:
        raise BodyRefused(HTTPStatus.REQUEST_TIMEOUT, "the body came too slowly") from None
    except BodyBroken as error:
        raise BodyRefused(HTTPStatus.BAD_REQUEST, error.reason) from None
    except OSError as error:
        logger.error("a form cannot be kept in a temporary file: %s", error)  # noqa: TRY400
        reason = "there is no room for the body; try again shortly"
        raise BodyRefused(HTTPStatus.SERVICE_UNAVAILABLE, reason) from None
    finally:
        if not is_whole:
            gathered.close()
    return gathered


class Unreadable:
    """The input of a request whose body is larger than anything that is read there."""

    def read(self, _size: int = -1) -> bytes:
        raise OSError("the body is too large to be read")

    readline = read

    def close(self) -> None:
        """Nothing is held."""


class _Drained(Exception):
    """More comes than is worth to be received for nobody."""


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


class BodyStream:
    """``wsgi.input`` of a large body: the loop receives ahead of the thread that reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, incoming: Incoming) -> None:
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
            await self._incoming.take_all(self._put)
        except _Drained:
            pass
        except BodyBroken as broken:
            error = broken
        finally:
            with arrived.changed:
                arrived.is_ended = True
                arrived.error = error
                arrived.changed.notify()

    def _put(self, piece: bytes | memoryview) -> Awaitable[Any] | None:
        """Keep a piece for the thread; what is to be waited for when there is no more room."""
        if self._discarded is not None:
            self._discarded += len(piece)
            if self._discarded > _DRAIN_BYTES:
                raise _Drained
            return None
        arrived = self._arrived
        with arrived.changed:
            arrived.pieces.append(memoryview(piece))
            arrived.size += len(piece)
            if arrived.size >= arrived.wanted:
                arrived.changed.notify()
            arrived.is_full = arrived.size >= max(_AHEAD_BYTES, arrived.wanted)
            if not arrived.is_full:
                return None
            self._room.clear()
        return self._room.wait()

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

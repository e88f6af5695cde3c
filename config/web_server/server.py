"""Listens for connections, ends those that only wait, and answers their requests.

One process, one event loop (uvloop). It takes one connection in each turn of the loop, so that
processes that listen at the same socket share them.
"""

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from typing import Final, Protocol

import uvloop

from config.web_server.connection import Connection
from config.web_server.exchange import Application, Exchange, Scope

logger = logging.getLogger(__name__)

HEAD_SECONDS: Final = 30
"""For the head of a request, for the first byte of the next one, and for a TLS handshake."""

STOP_SECONDS: Final = 20
"""For requests under way, when the server is told to stop."""

_READ_BYTES: Final = 256 * 1024  # of a body, at most at once
_READ_BYTES_WHEN_FULL: Final = 16 * 1024
_READ_BYTES_OF_HEADS: Final = 16 * 1024
_HELD_BYTES: Final = 32 * 1024 * 1024  # of all bodies, received ahead; beyond it reads are small
_CLOSE_SECONDS: Final = 5  # for the end of TLS
_GRACE_SECONDS: Final = 0.5  # for connections that nobody asks any more, at the end
_PAUSE_SECONDS: Final = 0.1  # when the system has no file left for a connection


class Ready(Protocol):
    """An answer that is sent as it is: a head without its date, and a body."""

    @property
    def head(self) -> bytes: ...

    @property
    def body(self) -> bytes: ...


class Server:
    """What the connections of one process share."""

    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        *,
        at_once: Callable[[Scope], Ready | None] = lambda _scope: None,
        tls: ssl.SSLContext | None = None,
        most: int,
    ) -> None:
        """``most`` connections are kept; others wait in the system.

        Args:
            at_once: asked before the application, where nobody has to be waited for.
        """
        self.loop = uvloop.new_event_loop()
        self.at_once = at_once
        self.is_stopping = False
        self.date = b""
        self.held_bytes = 0
        self.head_buffer = memoryview(bytearray(_READ_BYTES_OF_HEADS))
        self._application = application
        self._listener = listener
        self._tls = tls
        self._most = most
        self._is_listening = False
        self._bodies = memoryview(bytearray(_READ_BYTES))
        self._connections: set[Connection] = set()
        self._waiting: dict[Connection, float] = {}  # since when, those for longest first
        self._opening: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()

    def run(self) -> None:
        """Serve until SIGTERM."""
        self.loop.add_signal_handler(signal.SIGTERM, self.stop)
        self.loop.run_until_complete(self.serve())

    def stop(self) -> None:
        """Answer what is under way, and nothing more."""
        self._stopped.set()

    async def serve(self) -> None:
        """On ``loop``, until ``stop``."""
        self._listener.setblocking(False)
        self._tick()
        self._listen()
        await self._stopped.wait()
        self._take_last()
        # Those that are asked now answer and say that they end; a client that only keeps a
        # connection would send its next request into nothing otherwise.
        await asyncio.sleep(_GRACE_SECONDS)
        for connection in list(self._connections):
            connection.end_soon()
        deadline = self.loop.time() + STOP_SECONDS
        while (self._connections or self._opening) and self.loop.time() < deadline:
            await asyncio.sleep(_PAUSE_SECONDS / 2)
        for task in self._answering:
            task.cancel()
        if self._answering:
            await asyncio.wait(self._answering, timeout=1)

    def buffer(self) -> memoryview:
        """Where the next bytes of a body go; they are copied before anybody else reads."""
        is_full = self.held_bytes > _HELD_BYTES
        return self._bodies[:_READ_BYTES_WHEN_FULL] if is_full else self._bodies

    def add(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._waiting[connection] = self.loop.time()

    def remove(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._waiting.pop(connection, None)
        self._listen()

    def wait_for_head(self, connection: Connection) -> None:
        """From now on it may take ``HEAD_SECONDS`` until a head has come."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = self.loop.time()

    def start(self, connection: Connection, exchange: Exchange) -> None:
        """Let the application answer."""
        self._waiting.pop(connection, None)
        task = self.loop.create_task(self._answer(connection, exchange))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, connection: Connection, exchange: Exchange) -> None:
        try:
            await self._application(exchange.scope, exchange.receive, exchange.send)
        except Exception:
            logger.exception("a request failed in the web server")
        finally:
            connection.answered(exchange)

    def _tick(self) -> None:
        """Once a second."""
        self.date = f"date: {formatdate(usegmt=True)}\r\n".encode()
        last = self.loop.time() - HEAD_SECONDS
        for connection, since in list(self._waiting.items()):
            if since > last:
                break
            connection.close()
        self.loop.call_later(1, self._tick)

    def _listen(self) -> None:
        """Or stop, while there are enough connections."""
        count = len(self._connections) + len(self._opening)
        wants = count < self._most and not self.is_stopping
        if wants == self._is_listening:
            return
        self._is_listening = wants
        if wants:
            self.loop.add_reader(self._listener.fileno(), self._accept)
        else:
            self.loop.remove_reader(self._listener.fileno())

    def _take_last(self) -> None:
        """Those that wait are answered; whoever comes from now on is told that nobody is here."""
        while self._is_listening and self._accept():
            continue
        self.is_stopping = True
        self._listen()
        self._listener.close()

    def _accept(self) -> bool:
        """Whether there was a connection, which is taken."""
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError, InterruptedError):
            return False  # another process was quicker
        except OSError as error:
            logger.warning("no connection can be taken: %s", error)
            self.loop.remove_reader(self._listener.fileno())
            self.loop.call_later(_PAUSE_SECONDS, self._listen)
            self._is_listening = False
            return False
        accepted.setblocking(False)
        task = self.loop.create_task(self._open(accepted))
        self._opening.add(task)
        task.add_done_callback(self._opened)
        self._listen()
        return True

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._listen()

    async def _open(self, accepted: socket.socket) -> None:
        # Whoever speaks no TLS, or is gone, is no news.
        with suppress(OSError, asyncio.TimeoutError):
            await self.loop.connect_accepted_socket(
                lambda: Connection(self),
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=HEAD_SECONDS if self._tls else None,
                ssl_shutdown_timeout=_CLOSE_SECONDS if self._tls else None,
            )

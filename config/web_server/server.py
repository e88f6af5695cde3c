"""Listens for connections, ends those that only wait, and answers their requests.

One process, one event loop (uvloop).
"""

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from typing import Final, Protocol

import uvloop

from config.web_server.connection import Connection
from config.web_server.exchange import Application, Exchange, Scope
from config.web_server.listening import Listening
from config.web_server.peers import Peers

logger = logging.getLogger(__name__)

STOP_SECONDS: Final = 20
"""For requests under way, when the server is told to stop."""

_READ_BYTES: Final = 256 * 1024  # of a body, at most at once
_READ_BYTES_WHEN_FULL: Final = 16 * 1024
_READ_BYTES_OF_HEADS: Final = 16 * 1024
_HELD_BYTES: Final = 32 * 1024 * 1024  # of all bodies, received ahead; beyond it reads are small
_GRACE_SECONDS: Final = 0.5  # for connections that nobody asks any more, at the end
_LOOK_SECONDS: Final = 0.05  # at the end, whether all are gone


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
        network_of: Callable[[str], str] = str,
        share_of: Callable[[str], int] = lambda _network: 100,
    ) -> None:
        """``most`` connections are kept; others wait in the system.

        Args:
            at_once: asked before the application, where nobody has to be waited for.
            network_of: to whom an address belongs (``PROXIES``: to one that is trusted).
            share_of: how many percent of the connections a network may keep.
        """
        self.loop = uvloop.new_event_loop()
        self.at_once = at_once
        self.is_stopping = False
        self.date = b""
        self.held_bytes = 0
        self.head_buffer = memoryview(bytearray(_READ_BYTES_OF_HEADS))
        self._application = application
        self._bodies = memoryview(bytearray(_READ_BYTES))
        self._peers = Peers(most=most, share_of=share_of)
        self._listening = Listening(
            listener,
            self._peers,
            loop=self.loop,
            connection=partial(Connection, self),
            network_of=network_of,
            tls=tls,
        )
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
        self._tick()
        await self._stopped.wait()
        self._listening.take_last()
        self.is_stopping = True
        # Those that are asked now answer and say that they end; a client that only keeps a
        # connection would send its next request into nothing otherwise.
        await asyncio.sleep(_GRACE_SECONDS)
        for peer in self._peers:
            peer.end_soon()
        deadline = self.loop.time() + STOP_SECONDS
        while self._peers and self.loop.time() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
        for task in self._answering:
            task.cancel()
        if self._answering:
            await asyncio.wait(self._answering, timeout=1)

    def buffer(self) -> memoryview:
        """Where the next bytes of a body go; they are copied before anybody else reads."""
        is_full = self.held_bytes > _HELD_BYTES
        return self._bodies[:_READ_BYTES_WHEN_FULL] if is_full else self._bodies

    def add(self, connection: Connection) -> None:
        self._peers.add(connection, self.loop.time())

    def remove(self, connection: Connection) -> None:
        self._peers.remove(connection)
        self._listening.look()

    def wait_for_head(self, connection: Connection) -> None:
        """From now on it may take ``HEAD_SECONDS`` until a head has come."""
        self._peers.wait(connection, self.loop.time())

    def leave(self, connection: Connection) -> None:
        """It ends once what was written is sent, which has a deadline."""
        self._peers.leave(connection, self.loop.time())

    def start(self, connection: Connection, exchange: Exchange) -> None:
        """Let the application answer."""
        self._peers.busy(connection)
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
        self._peers.end_overdue(self.loop.time())
        self._listening.look()
        self.loop.call_later(1, self._tick)

"""Takes connections from the socket at which all processes listen, while there is room for them.

One in each turn of the loop, so that the processes share them.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from config.web_server.peers import Peers

logger = logging.getLogger(__name__)

_HANDSHAKE_SECONDS: Final = 10
_CLOSE_SECONDS: Final = 5  # for the end of TLS
_PAUSE_SECONDS: Final = 0.1  # when the system has no file left for a connection


class Listening:
    """One process at the socket."""

    def __init__(
        self,
        listener: socket.socket,
        peers: Peers,
        *,
        loop: asyncio.AbstractEventLoop,
        connection: Callable[[str], asyncio.BaseProtocol],
        network_of: Callable[[str], str],
        tls: ssl.SSLContext | None,
    ) -> None:
        """``connection`` makes what speaks with a client, and adds itself to ``peers``."""
        listener.setblocking(False)
        self._listener = listener
        self._peers = peers
        self._loop = loop
        self._connection = connection
        self._network_of = network_of
        self._tls = tls
        self._is_on = False
        self._is_over = False

    def look(self) -> None:
        """Listen, or stop while there are enough connections and each has a request under way."""
        wants = not self._is_over and self._peers.may_grow(self._loop.time())
        if wants == self._is_on:
            return
        self._is_on = wants
        if wants:
            self._loop.add_reader(self._listener.fileno(), self._accept)
        else:
            self._loop.remove_reader(self._listener.fileno())

    def take_last(self) -> None:
        """Those that wait are answered; whoever comes from now on is told that nobody is here."""
        while self._is_on and self._accept():
            continue
        self._is_over = True
        self.look()
        self._listener.close()

    def _accept(self) -> bool:
        """Whether there was a connection, which is taken or refused."""
        try:
            accepted, address = self._listener.accept()
        except (BlockingIOError, ConnectionError, InterruptedError):
            return False  # another process was quicker
        except OSError as error:
            logger.warning("no connection can be taken: %s", error)
            self._peers.make_room(self._loop.time())
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(_PAUSE_SECONDS, self.look)
            self._is_on = False
            return False
        network = self._network_of(str(address[0]))
        if not self._peers.has_room(network):
            accepted.close()
            return True
        if self._peers.is_full:
            self._peers.make_room(self._loop.time())
        accepted.setblocking(False)
        opening = _Opening(network)
        if self._tls:  # else it is one at once
            self._peers.add(opening, self._loop.time())
        opening.task = self._loop.create_task(self._open(accepted, network))
        opening.task.add_done_callback(lambda _: self._opened(opening))
        self.look()
        return True

    def _opened(self, opening: "_Opening") -> None:
        self._peers.remove(opening)
        self.look()

    async def _open(self, accepted: socket.socket, network: str) -> None:
        # Whoever speaks no TLS, or is gone, is no news.
        with suppress(OSError, asyncio.TimeoutError):
            await self._loop.connect_accepted_socket(
                lambda: self._connection(network),
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if self._tls else None,
                ssl_shutdown_timeout=_CLOSE_SECONDS if self._tls else None,
            )


class _Opening:
    """A connection whose TLS is not agreed yet."""

    task: asyncio.Task[None]

    def __init__(self, network: str) -> None:
        self.network = network

    def close(self) -> None:
        self.task.cancel()

    abort = close

    def end_soon(self) -> None:
        """It may still ask, and is answered."""

"""Clients that hold a server up, a thousand at a time from one thread of this process."""

import selectors
import socket
import struct
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from types import TracebackType
from typing import Self

_DRIP_SECONDS = 4.0
_ROUND_SECONDS = 0.05
_OPENED_IN_A_ROUND = 50
_READ_BYTES = 65536
_SMALL_BUFFER_BYTES = 4096
_ESTABLISHED, _CLOSE_WAIT = 1, 8  # TCP states as Linux tells them


@dataclass(frozen=True, slots=True)
class Attack:
    """What each of many connections does: what it sends first, and then again and again."""

    name: str
    opening: bytes
    drip: bytes = b""
    reads: bool = True
    is_half_closed: bool = False  # after the opening
    sips: bool = False  # reads a byte with each drip, and nothing else
    resets: bool = False  # as soon as it is open, and again


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    attack: Attack
    unsent: bytes
    next_drip: float = field(default_factory=lambda: time.monotonic() + _DRIP_SECONDS)


class Hostile:
    """Keeps ``count`` connections of attacks open; what the server ends is opened again."""

    def __init__(
        self, host: str, attacks: Sequence[Attack], *, count: int, address: str = "127.0.0.1"
    ) -> None:
        name, _, port = host.rpartition(":")
        self._server = (name, int(port))
        self._attacks = attacks
        self._count = count
        self._address = address
        self._selector = selectors.DefaultSelector()
        self._opened = 0
        self._is_over = Event()
        self._is_full = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._connections: set[_Connection] = set()
        self.seen: Counter[str] = Counter()  # attack and status, or how the connection ended

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_full.wait(30)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join(30)

    @property
    def count(self) -> int:
        return len(self._connections)

    def _run(self) -> None:
        try:
            while not self._is_over.is_set():
                began = time.monotonic()
                for _ in range(min(_OPENED_IN_A_ROUND, self._count - self.count)):
                    self._open()
                if self.count == self._count:
                    self._is_full.set()
                for key, events in self._selector.select(0):
                    self._go_on(key.data, events)
                for connection in list(self._connections):
                    if connection.next_drip < began:
                        self._drip(connection)
                time.sleep(max(0.0, began + _ROUND_SECONDS - time.monotonic()))
        finally:
            self._selector.close()
            for connection in self._connections:
                connection.socket.close()

    def _open(self) -> None:
        attack = self._attacks[self._opened % len(self._attacks)]
        self._opened += 1
        opened = socket.socket()
        if attack.sips or not attack.reads:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER_BYTES)
        opened.setblocking(False)
        opened.bind((self._address, 0))
        opened.connect_ex(self._server)
        connection = _Connection(opened, attack, attack.opening)
        self._connections.add(connection)
        self._selector.register(opened, selectors.EVENT_WRITE, connection)

    def _go_on(self, connection: _Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                self._read(connection)
                return
            if connection.unsent:
                sent = connection.socket.send(connection.unsent)
                connection.unsent = connection.unsent[sent:]
        except BlockingIOError:
            return
        except OSError as error:
            self._close(connection, type(error).__name__)
            return
        if not connection.unsent:
            self._selector.unregister(connection.socket)
            if connection.attack.resets:
                linger = struct.pack("ii", 1, 0)
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._close(connection, "reset")
                return
            if connection.attack.is_half_closed:
                connection.socket.shutdown(socket.SHUT_WR)
            if connection.attack.reads and not connection.attack.sips:
                self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def _read(self, connection: _Connection) -> None:
        got = connection.socket.recv(_READ_BYTES)
        if got.startswith(b"HTTP/"):
            self.seen[f"{connection.attack.name} {got[9:12].decode()}"] += 1
        if not got:
            self._close(connection, "closed")

    def _drip(self, connection: _Connection) -> None:
        connection.next_drip = time.monotonic() + _DRIP_SECONDS
        try:
            state = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
            if state == _CLOSE_WAIT or (state != _ESTABLISHED and not connection.unsent):
                self._close(connection, "closed")
            elif connection.attack.drip and not connection.unsent:
                connection.socket.send(connection.attack.drip)
            elif connection.attack.sips:
                connection.socket.recv(1)
        except BlockingIOError:
            return
        except OSError as error:
            self._close(connection, type(error).__name__)

    def _close(self, connection: _Connection, how: str) -> None:
        self.seen[f"{connection.attack.name} {how}"] += 1
        self._connections.discard(connection)
        with suppress(KeyError):
            self._selector.unregister(connection.socket)
        connection.socket.close()

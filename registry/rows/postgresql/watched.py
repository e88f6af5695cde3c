"""A connection to PostgreSQL that does not wait for a server which fell silent.

A server that is frozen, or cut off behind a network that swallows what is sent, breaks no
connection: whoever waits for its answer would wait for minutes. A statement may be slow, though, or
wait for a lock. So whoever waits for a second asks the server whether it is there.
"""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar

from psycopg import Connection, OperationalError

Value = TypeVar("Value")

_LOOK_SECONDS: Final = 1.0  # of silence, until the server is asked, and between two questions
_LOOK_AGAIN_SECONDS: Final = 0.25  # while it did not answer the last one
_ANSWER_SECONDS: Final = 1.0
# Asks for TLS, which any server answers with one letter, before it asks who is there.
_QUESTION: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class Silence(OperationalError):
    """The server did not answer, nor when it was asked whether it is there."""


class Server:
    """What connections of this process know of their server."""

    def __init__(self) -> None:
        self.is_away = False
        self._asking = threading.Lock()
        self._asked_at = 0.0
        self._answered = True

    def look_seconds(self) -> float:
        return _LOOK_AGAIN_SECONDS if self.is_away else _LOOK_SECONDS

    def answers(self, host: str, port: int) -> bool:
        """Asked once for all who wait."""
        began = time.monotonic()
        with self._asking:
            if self._asked_at < began:
                self._answered = _answers(host, port)
                self._asked_at = time.monotonic()
                self.is_away = not self._answered
            return self._answered


server: Final = Server()


class Watched(Connection[Any]):
    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        return super().wait(self._watched(gen), *arguments, **options)

    def _watched(self, gen: Generator[Any, Any, Value]) -> Generator[Any, Any, Value]:
        """Raises ``Silence``. What the server did with the statement then nobody knows."""
        try:
            wanted = next(gen)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        heard_at = time.monotonic()
        while True:
            ready = yield wanted
            if ready:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > server.look_seconds():
                self._require_server()
                heard_at = time.monotonic()
            try:
                wanted = gen.send(ready)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]

    def _require_server(self) -> None:
        where = self.info
        if not server.answers(where.hostaddr or where.host, where.port):
            self.pgconn.finish()
            raise Silence("the database does not answer")


def _answers(host: str, port: int) -> bool:
    try:
        with closing(_connected(host, port)) as asked:
            asked.sendall(_QUESTION)
            return bool(asked.recv(1))
    except OSError:
        return False


def _connected(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), timeout=_ANSWER_SECONDS)
    asked = socket.socket(socket.AF_UNIX)
    try:
        asked.settimeout(_ANSWER_SECONDS)
        asked.connect(str(Path(host) / f".s.PGSQL.{port}"))
    except OSError:
        asked.close()
        raise
    return asked

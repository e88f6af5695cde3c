"""One raw connection: for requests no HTTP library would send, and for hanging up halfway."""

import http.client
import io
import socket
import struct
from types import TracebackType
from typing import Self, cast

from tests.conformance.client import Answer, Headers

TIMEOUT_SECONDS = 10


class Wire:
    def __init__(self, host: str) -> None:
        name, _, port = host.rpartition(":")
        self.host = host
        self._socket = socket.create_connection((name, int(port)), timeout=TIMEOUT_SECONDS)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def begin(self, method: str, path: str, headers: Headers = ()) -> None:
        """Send the head of a request; the body, if any, is up to the caller."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def read(self, method: str = "GET") -> Answer:
        """The next answer; interim ones are skipped."""
        status_line = self._reader.peek(1)
        if not status_line:
            raise ConnectionError("the server hung up without an answer")
        opened = cast("socket.socket", _Open(self._reader))
        response = http.client.HTTPResponse(opened, method=method)
        response.begin()
        return Answer(response.status, response.msg, response.read())

    def read_status(self) -> int:
        """The status of the answer on its way; an interim answer is taken off the line."""
        line = self._reader.peek(1)[:12].decode("latin-1")
        status = int(line.rpartition(" ")[2])
        if status == http.HTTPStatus.CONTINUE:
            while self._reader.readline().strip():
                pass
        return status

    def finish_sending(self) -> None:
        """Close the sending half; answers can still be read."""
        self._socket.shutdown(socket.SHUT_WR)

    def hang_up(self) -> None:
        """Close politely: everything sent so far will arrive."""
        self._reader.close()
        self._socket.close()

    def reset(self) -> None:
        """Close with RST: the server's next read fails."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.hang_up()


class _Open:
    """Stands in for a socket, so that one answer does not swallow the next."""

    def __init__(self, reader: io.BufferedReader) -> None:
        self._reader = reader

    def makefile(self, _mode: str) -> io.BufferedReader:
        return cast("io.BufferedReader", _Kept(self._reader))


class _Kept:
    def __init__(self, reader: io.BufferedReader) -> None:
        self.read = reader.read
        self.read1 = reader.read1
        self.readline = reader.readline
        self.readinto = reader.readinto
        self.peek = reader.peek

    def close(self) -> None:
        """The connection stays open."""

    def flush(self) -> None:
        """Nothing is written through it."""

"""One keep-alive HTTP/1.1 connection that costs the client as little as possible.

The client shares the machine with the registry it measures, so what it spends on
parsing is missing there. It reads the status, the length and single headers, no more.
"""

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self
from urllib.parse import urlsplit

BUFFER_BYTES = 256 * 1024
TIMEOUT_SECONDS = 120.0
HEAD_END = b"\r\n\r\n"
SUCCESS = range(200, 300)
_OK = b"200"


class UnexpectedAnswerError(Exception):
    """The registry said something that this step of the protocol does not expect."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a registry listens."""

    host: str
    port: int
    ca_file: Path | None = None
    tls: bool = False

    @classmethod
    def of(cls, url: str, *, ca_file: Path | None = None) -> Self:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        return cls(parts.hostname or "", parts.port or (443 if tls else 80), ca_file, tls)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes  # empty when the caller did not ask to keep it
    body_bytes: int

    def header(self, name: str) -> str | None:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.lower().encode():
                return value.strip().decode()
        return None


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A request as it is sent, and how long its answer is."""

    request: bytes
    head_bytes: int  # without its end
    whole_bytes: int


class Connection:
    """Sends one request after the other; opens itself again when the registry closes."""

    def __init__(self, address: Address, *, authorization: str | None = None) -> None:
        self._address = address
        self._common = f"Host: {address.host}:{address.port}\r\nUser-Agent: berth-benchmarks\r\n"
        if authorization:
            self._common += f"Authorization: {authorization}\r\n"
        self._buffer = bytearray(BUFFER_BYTES)
        self._socket: socket.socket | None = None
        self._exchanges: dict[tuple[str, str], _Exchange] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: str = "",
        body: bytes = b"",
        keep: bool = True,
    ) -> Answer:
        """Send a request with a small body, or with none."""
        if body or method in ("POST", "PUT", "PATCH"):
            headers += f"Content-Length: {len(body)}\r\n"
        self._open().sendall(self._head(method, path, headers) + body)
        return self._answer(method, keep=keep)

    def ask_again(self, method: str, path: str, *, headers: str = "") -> None:
        """As ``request``, for what is asked again and again and answered alike: 200 is expected.

        The request is made once, and its answer taken apart once: afterwards the end of the
        head and the length of the whole tell it, which costs a fifth.
        """
        exchange = self._exchanges.get((method, path))
        if exchange is None:
            answer = expect(self.request(method, path, headers=headers, keep=False), 200)
            whole = len(answer.head) + len(HEAD_END) + answer.body_bytes
            sent = self._head(method, path, headers)
            self._exchanges[method, path] = _Exchange(sent, len(answer.head), whole)
            return
        opened = self._open()
        opened.sendall(exchange.request)
        received = self._receive()
        is_like_before = received.find(HEAD_END) == exchange.head_bytes
        if not is_like_before or received[9:12] != _OK:
            expect(self._answer(method, keep=True, received=received), 200)
            return
        missing = exchange.whole_bytes - len(received)
        while missing > 0:
            missing -= opened.recv_into(self._buffer) or self._fail()

    def upload(
        self, method: str, path: str, *, headers: str, pieces: Iterable[memoryview], length: int
    ) -> Answer:
        """Send a request whose body is too large to copy around."""
        opened = self._open()
        waiting = self._head(method, path, f"{headers}Content-Length: {length}\r\n")
        for piece in pieces:
            # One packet for a small blob; a large piece is not worth copying.
            if len(piece) < BUFFER_BYTES and waiting:
                opened.sendall(waiting + piece)
            else:
                opened.sendall(waiting)
                opened.sendall(piece)
            waiting = b""
        return self._answer(method, keep=True)

    def _head(self, method: str, path: str, headers: str) -> bytes:
        return f"{method} {path} HTTP/1.1\r\n{self._common}{headers}\r\n".encode()

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = _connected(self._address)
        return self._socket

    def _answer(self, method: str, *, keep: bool, received: bytes = b"") -> Answer:
        head, rest = self._read_head(received)
        lower = head.lower()
        status = int(head[9:12])
        if method == "HEAD" or status in (204, 304):
            body, size = b"", 0
        elif b"transfer-encoding: chunked" in lower:
            body = self._read_chunks(rest)
            size = len(body)
        else:
            body, size = self._read_length(rest, _content_length(lower), keep=keep)
        if b"connection: close" in lower:
            self.close()
        return Answer(status, head, body if keep else b"", size)

    def _read_head(self, received: bytes) -> tuple[bytes, bytes]:
        while (end := received.find(HEAD_END)) < 0:
            received += self._receive()
        return received[:end], received[end + len(HEAD_END) :]

    def _read_length(self, rest: bytes, length: int, *, keep: bool) -> tuple[bytes, int]:
        if keep:
            parts = [rest]
            missing = length - len(rest)
            while missing > 0:
                parts.append(self._receive())
                missing -= len(parts[-1])
            return b"".join(parts), length
        opened = self._open()
        size = len(rest)
        while size < length:
            received = opened.recv_into(self._buffer)
            if not received:
                raise UnexpectedAnswerError(f"the body ended after {size} of {length} bytes")
            size += received
        return b"", size

    def _read_chunks(self, rest: bytes) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in rest:
                rest += self._receive()
            line, _, rest = rest.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            while len(rest) < size + 2:
                rest += self._receive()
            body += rest[:size]
            rest = rest[size + 2 :]
            if size == 0:
                return body

    def _receive(self) -> bytes:
        return self._open().recv(BUFFER_BYTES) or self._fail()

    def _fail(self) -> NoReturn:
        raise UnexpectedAnswerError("the registry closed the connection")


def expect(answer: Answer, *statuses: int) -> Answer:
    """Return the answer, or raise with the registry's own words."""
    if answer.status in (statuses or SUCCESS):
        return answer
    words = answer.body[:300].decode(errors="replace")
    raise UnexpectedAnswerError(f"status {answer.status} where {statuses} was expected: {words}")


def _content_length(lower_head: bytes) -> int:
    start = lower_head.find(b"\r\ncontent-length:")
    if start < 0:
        raise UnexpectedAnswerError("an answer without a length")
    return int(lower_head[start + 17 :].split(b"\r\n", 1)[0])


def _connected(address: Address) -> socket.socket:
    plain = socket.create_connection((address.host, address.port), timeout=TIMEOUT_SECONDS)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not address.tls:
        return plain
    context = ssl.create_default_context(cafile=address.ca_file)
    return context.wrap_socket(plain, server_hostname=address.host)

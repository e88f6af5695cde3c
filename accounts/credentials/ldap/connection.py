"""The two questions that a login asks a directory: whether a name and password fit, and who is who.

The libraries of OpenLDAP wait without end, and busily, for a server that is silent while TLS
begins. Here a whole conversation has one deadline. A search compares for equality, so that there is
no filter to be written, and nothing in a name to be escaped.

Source: RFC 4511; of BER (X.690) the definite lengths, which are all that LDAP allows (section 5.1).
"""

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self
from urllib.parse import urlsplit

_LARGEST_MESSAGE: Final = 1024 * 1024  # bytes
_MESSAGES_READ: Final = 100
_PORTS: Final = {"ldap": 389, "ldaps": 636}

_BOOLEAN, _INTEGER, _TEXT, _ENUMERATED, _SEQUENCE = 0x01, 0x02, 0x04, 0x0A, 0x30
_BIND, _BOUND, _UNBIND = 0x60, 0x61, 0x42
_SEARCH, _ENTRY, _DONE, _REFERENCE = 0x63, 0x64, 0x65, 0x73
_SIMPLE, _EQUALITY = 0x80, 0xA3
_WHOLE_SUBTREE, _NEVER_DEREFERENCE = 2, 0


class Result(IntEnum):
    """Codes of RFC 4511, appendix A, that mean something here."""

    SUCCESS = 0
    SIZE_LIMIT_EXCEEDED = 4
    CONSTRAINT_VIOLATION = 19
    NO_SUCH_OBJECT = 32
    INAPPROPRIATE_AUTHENTICATION = 48
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS_RIGHTS = 50
    UNWILLING_TO_PERFORM = 53


class DirectoryFailure(Exception):
    """The directory gave no answer, or none that can be used."""


class DirectoryRefusal(Exception):
    """The directory answered, and its answer is no."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"result {code}: {reason}" if reason else f"result {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    name: bytes
    values: list[bytes] = field(default_factory=list)  # of the one attribute that was asked for


class LdapConnection:
    """A connection to ``uri`` whose whole life ends after ``seconds``.

    Raises:
        DirectoryFailure: by every method.
    """

    def __init__(self, uri: str, *, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._number = 0
        try:
            self._socket = self._connected(uri)
        except (OSError, ValueError) as error:
            raise DirectoryFailure(str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._send(_element(_UNBIND, b""))
        except DirectoryFailure:
            pass  # it is not there any more to hear that we go
        finally:
            self._socket.close()

    def bind(self, name: bytes, password: bytes) -> None:
        """Raises ``DirectoryRefusal`` when they do not fit.

        Without a password any name fits (RFC 4513, 5.1.2), so there must be one.
        """
        if not name or not password:
            raise DirectoryRefusal(Result.UNWILLING_TO_PERFORM, "there is no name or no password")
        self._send(
            _element(_BIND, _number(3) + _element(_TEXT, name) + _element(_SIMPLE, password))
        )
        for kind, content in self._answers():
            if kind == _BOUND:
                return _check(content)
        raise DirectoryFailure("there was no answer")

    def search(
        self, place: str, *, where: str, equals: str, show: str, at_most: int
    ) -> list[Entry]:
        """Entries below ``place`` whose attribute ``where`` equals a text, with one attribute.

        Raises ``DirectoryRefusal``; more entries than ``at_most`` are one. What lies in other
        servers is not followed: they would be told passwords.
        """
        seconds_left = max(1, int(self._ends_at - time.monotonic()))
        self._send(
            _element(
                _SEARCH,
                _element(_TEXT, place.encode())
                + _number(_WHOLE_SUBTREE, _ENUMERATED)
                + _number(_NEVER_DEREFERENCE, _ENUMERATED)
                + _number(at_most)
                + _number(seconds_left)
                + _element(_BOOLEAN, b"\0")
                + _element(
                    _EQUALITY, _element(_TEXT, where.encode()) + _element(_TEXT, equals.encode())
                )
                + _element(_SEQUENCE, _element(_TEXT, show.encode())),
            )
        )
        entries: list[Entry] = []
        for kind, content in self._answers():
            if kind == _ENTRY:
                entries.append(_entry(content))
            if kind == _DONE:
                _check(content)
                return entries
        raise DirectoryFailure("there were too many answers")

    def _connected(self, uri: str) -> socket.socket:
        parts = urlsplit(uri)
        place = (parts.hostname or "localhost", parts.port or _PORTS[parts.scheme])
        plain = socket.create_connection(place, timeout=self._seconds_left())
        if parts.scheme == "ldap":
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=place[0])
        except BaseException:
            plain.close()
            raise

    def _seconds_left(self) -> float:
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the time is over")
        return seconds

    def _send(self, operation: bytes) -> None:
        self._number += 1
        message = _element(_SEQUENCE, _number(self._number) + operation)
        try:
            self._socket.settimeout(self._seconds_left())
            self._socket.sendall(message)
        except OSError as error:
            raise DirectoryFailure(str(error)) from error

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        """What is answered to the latest question: the kind of each message, and what it holds."""
        for _ in range(_MESSAGES_READ):
            parts = _elements(self._message())
            if len(parts) < 2 or parts[0][0] != _INTEGER:
                raise DirectoryFailure("an answer is no message of LDAP")
            if int.from_bytes(parts[0][1]) == self._number:
                yield parts[1]
            elif not any(parts[0][1]):
                raise DirectoryFailure("the directory ends the connection")

    def _message(self) -> bytes:
        kind, first = self._received(2)
        if kind != _SEQUENCE:
            raise DirectoryFailure("an answer is no message of LDAP")
        length = first if first < 0x80 else int.from_bytes(self._received(min(first & 0x7F, 8)))
        if length > _LARGEST_MESSAGE:
            raise DirectoryFailure("an answer is too large")
        return self._received(length)

    def _received(self, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            try:
                self._socket.settimeout(self._seconds_left())
                piece = self._socket.recv(length - len(content))
            except OSError as error:
                raise DirectoryFailure(str(error)) from error
            if not piece:
                raise DirectoryFailure("the directory hung up")
            content += piece
        return bytes(content)


def _element(kind: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([kind, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([kind, 0x80 | len(size)]) + size + content


def _number(value: int, kind: int = _INTEGER) -> bytes:
    return _element(kind, value.to_bytes(value.bit_length() // 8 + 1))


def _elements(content: bytes) -> list[tuple[int, bytes]]:
    """The elements that follow one another in ``content``, as kind and content."""
    elements, position = [], 0
    while position < len(content):
        header = content[position : position + 2]
        position += 2
        if len(header) < 2 or header[0] & 0x1F == 0x1F:  # kinds of several bytes are not LDAP's
            raise DirectoryFailure("an answer breaks off")
        length = header[1]
        if length >= 0x80:
            size = length & 0x7F
            length = int.from_bytes(content[position : position + size])
            position += size
        if position + length > len(content):
            raise DirectoryFailure("an answer breaks off")
        elements.append((header[0], content[position : position + length]))
        position += length
    return elements


def _check(result: bytes) -> None:
    parts = _elements(result)
    if len(parts) < 3 or parts[0][0] != _ENUMERATED:
        raise DirectoryFailure("an answer is no result of LDAP")
    code = int.from_bytes(parts[0][1])
    if code != Result.SUCCESS:
        raise DirectoryRefusal(code, parts[2][1].decode("utf-8", "replace")[:200])


def _entry(content: bytes) -> Entry:
    parts = _elements(content)
    if len(parts) < 2:
        raise DirectoryFailure("an entry breaks off")
    values = [
        value
        for _, attribute in _elements(parts[1][1])
        for _, value_set in _elements(attribute)[1:2]
        for _, value in _elements(value_set)
    ]
    return Entry(parts[0][1], values)

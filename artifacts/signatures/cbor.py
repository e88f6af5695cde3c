"""Concise Binary Object Representation, as far as COSE signatures need it.

Everything has one reading or none: lengths are given beforehand, nothing follows the value, and
nesting ends.

Source: RFC 8949, sections 3 and 4.2.
"""

import struct
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 8
MAX_ITEMS = 1000  # of one document

_ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}


class CborInvalid(ValueError):
    """The bytes are not one CBOR value of the kind that is read here."""


@dataclass(frozen=True, slots=True)
class Tagged:
    number: int
    value: Any


def decode(data: bytes) -> Any:
    """The one value that ``data`` holds. Raises ``CborInvalid``."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.position != len(data):
        raise CborInvalid("more bytes follow the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.items = 0

    def value(self, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise CborInvalid("nested too deeply, or of too many items")
        (first,) = self._take(1)
        major, low = first >> 5, first & 0x1F
        if major == 7:
            return self._simple(low)
        argument = self._argument(low)
        if major in (0, 1):
            return argument if major == 0 else -1 - argument
        return self._compound(major, argument, depth)

    def _compound(self, major: int, argument: int, depth: int) -> Any:
        match major:
            case 2:
                return self._take(argument)
            case 3:
                return self._text(argument)
            case 4:
                return [self.value(depth + 1) for _ in range(self._count(argument))]
            case 5:
                return self._map(argument, depth)
            case _:
                return Tagged(argument, self.value(depth + 1))

    def _take(self, length: int) -> bytes:
        piece = self.data[self.position : self.position + length]
        if len(piece) != length:
            raise CborInvalid("it ends too early")
        self.position += length
        return piece

    def _argument(self, low: int) -> int:
        if low < 24:
            return low
        if low not in _ARGUMENT_BYTES:
            raise CborInvalid("a length is not given beforehand")
        return int.from_bytes(self._take(_ARGUMENT_BYTES[low]))

    def _count(self, argument: int) -> int:
        if argument > MAX_ITEMS:
            raise CborInvalid("of too many items")
        return argument

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode()
        except UnicodeDecodeError as error:
            raise CborInvalid("a text is not UTF-8") from error

    def _map(self, length: int, depth: int) -> dict[int | str, Any]:
        members: dict[int | str, Any] = {}
        for _ in range(self._count(length)):
            name = self.value(depth + 1)
            if isinstance(name, bool) or not isinstance(name, int | str) or name in members:
                raise CborInvalid("a name is neither text nor a number, or stands there twice")
            members[name] = self.value(depth + 1)
        return members

    def _simple(self, low: int) -> Any:
        if low in _SIMPLE:
            return _SIMPLE[low]
        if low in _FLOATS:
            (number,) = struct.unpack(_FLOATS[low], self._take(_ARGUMENT_BYTES[low]))
            return number
        raise CborInvalid("a value of an unknown kind")

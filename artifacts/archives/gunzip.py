"""The bytes of a blob as a file, and gzip as it streams by: all but what comes out is bounded.

``gzip.GzipFile`` reads headers of any length and any number of empty members: a hundred mebibytes
of either cost it minutes, and yield nothing.

Source: RFC 1952.
"""

import io
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_MEMBERS: Final = 100_000  # eStargz has some for each file
MAX_PACKED_FOR_NOTHING: Final = 1024 * 1024  # bytes that are read before anything comes out

_PACKED_PIECE: Final = 16 * 1024
_PIECE: Final = 64 * 1024
_GZIP: Final = 31  # zlib's window size for a gzip stream


class Packed(Protocol):
    def read(self, size: int, /) -> bytes: ...


class GzipBroken(ValueError):
    """What is read is no gzip, or none that anybody would make; the message says which."""


def _nothing() -> None: ...


class Gunzip:
    """Members of gzip, one after the other, and zeros behind them, as tapes have.

    ``tick`` is called again and again while anything is read, and may raise.
    """

    def __init__(self, packed: Packed, tick: Callable[[], None] = _nothing) -> None:
        self._packed = packed
        self._tick = tick
        self._member = zlib.decompressobj(wbits=_GZIP)
        self._members = 1
        self._rest = b""  # packed
        self._for_nothing = 0
        self._out = memoryview(b"")

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end, though that be in the middle of a member.

        Raises ``GzipBroken``.
        """
        if not self._out:
            self._out = memoryview(self._piece())
        piece, self._out = self._out[:size], self._out[size:]
        return bytes(piece)

    @property
    def is_whole(self) -> bool:
        """Whether what was read so far ends with a member."""
        return self._member.eof and not self._rest

    def _piece(self) -> bytes:
        while self._is_fed():
            before = len(self._rest)
            try:
                piece = self._member.decompress(self._rest, _PIECE)
            except zlib.error as error:
                raise GzipBroken("its compression is broken") from error
            self._rest = self._member.unconsumed_tail or self._member.unused_data
            if piece:
                self._for_nothing = 0
                return piece
            self._for_nothing += before - len(self._rest)
            if self._for_nothing > MAX_PACKED_FOR_NOTHING:
                raise GzipBroken("it holds too little for its size")
        return b""

    def _is_fed(self) -> bool:
        """Whether there is more to unpack, and a member that it belongs to."""
        self._tick()
        is_between = self._member.eof
        if is_between:
            self._rest = self._rest.lstrip(b"\0")
        while not self._rest:
            piece = self._packed.read(_PACKED_PIECE)
            if not piece:
                return False
            self._rest = piece.lstrip(b"\0") if is_between else piece
            self._tick()
        if is_between:
            self._begin_member()
        return True

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise GzipBroken("its compression has too many members")
        self._member = zlib.decompressobj(wbits=_GZIP)


class PiecesFile(io.RawIOBase):
    """Pieces of a blob as a file that is read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        target = memoryview(buffer)
        size = min(len(target), len(self._rest))
        target[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

"""The bytes of a layer, unpacked while they stream by, and never more than a bounded part."""

import io
from collections.abc import Callable, Iterable, Iterator

import zstandard

from artifacts.oci.gunzip import Gunzip, GzipBroken
from artifacts.oci.streams import PiecesFile

_PIECE = 64 * 1024
_HEAD_BYTES = 512
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW_BYTES = 128 * 1024 * 1024  # as zstd itself by default


class ListingEnds(Exception):
    """The rest cannot, or will not, be read; the message says why."""


class Unpacked:
    """What comes out of a layer: a tar as it is, or compressed with gzip or zstd.

    Reading raises ``ListingEnds`` after ``limit_bytes``. ``tick`` is called again and again while
    anything is read, and may raise it too.
    """

    def __init__(self, pieces: Iterable[bytes], limit_bytes: int, tick: Callable[[], None]) -> None:
        packed = io.BufferedReader(PiecesFile(_watched(iter(pieces), tick)), _PIECE)
        self._read = _unpacked(packed, tick)
        self._limit = limit_bytes
        self._left = limit_bytes
        self._tick = tick

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        return b"".join(self._pieces(size))

    def skip(self, size: int) -> None:
        for _ in self._pieces(size):
            pass

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if self._left <= 0:
                raise ListingEnds(f"it unpacks to more than {self._limit // 1024**2} MiB")
            self._tick()
            try:
                piece = self._read(min(size, _PIECE))
            except GzipBroken as error:
                raise ListingEnds(str(error)) from error
            except (zstandard.ZstdError, EOFError) as error:
                raise ListingEnds("its compression is broken") from error
            if not piece:
                raise ListingEnds("it is cut short")
            size -= len(piece)
            self._left -= len(piece)
            yield piece


def _watched(pieces: Iterator[bytes], tick: Callable[[], None]) -> Iterator[bytes]:
    """The pieces, with a ``tick`` before each is fetched."""
    tick()
    for piece in pieces:
        yield piece
        tick()


def _unpacked(
    packed: "io.BufferedReader[PiecesFile]", tick: Callable[[], None]
) -> Callable[[int], bytes]:
    head = packed.peek(_HEAD_BYTES)[:4]
    if head.startswith(_GZIP):
        return Gunzip(packed, tick).read
    if head == _ZSTD:
        options = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        reader = options.stream_reader(packed, read_across_frames=True)
        return reader.read
    return packed.read

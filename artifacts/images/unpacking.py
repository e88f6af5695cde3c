"""The bytes of a layer, unpacked while they stream by, and never more than a bounded part."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import zstandard

from artifacts.archives.forms import GZIP, is_zstd, unread_form
from artifacts.archives.gunzip import Gunzip, GzipBroken, PiecesFile
from artifacts.archives.streams import Unpacked

_PIECE = 64 * 1024
_HEAD_BYTES = 512
# All of it is held in memory. Tools that pack layers need 32 MiB at most; zstd itself goes as far
# as 128 MiB when it is asked to (--ultra -22, --long=27).
MAX_WINDOW_BYTES: Final = 64 * 1024 * 1024
_WINDOW_TOO_LARGE = "too much memory"  # of libzstd's message
_MAX_EMPTY_FRAME = 64  # bytes of frames in which nothing is


class ListingEnds(Exception):
    """The rest cannot, or will not, be read; the message says why."""


class BoundMet(ListingEnds):
    """It will not: it is more than this reader takes."""


class UnpackedLayer(Unpacked):
    """What comes out of a layer: a tar as it is, or compressed with gzip or zstd.

    Reading raises ``ListingEnds``, after ``limit_bytes`` as ``BoundMet``. ``tick`` is called again
    and again while anything is read, and may raise it too.
    """

    def __init__(self, pieces: Iterable[bytes], limit_bytes: int, tick: Callable[[], None]) -> None:
        packed = io.BufferedReader(PiecesFile(_watched(iter(pieces), tick)), _PIECE)
        self._read, self._is_whole = _unpacked(packed, tick)
        self._limit = limit_bytes
        self._left = limit_bytes
        self._tick = tick

    def piece(self, size: int) -> bytes:
        if self._left <= 0:
            raise BoundMet(f"it unpacks to more than {self._limit // 1024**2} MiB")
        self._tick()
        try:
            piece = self._read(min(size, _PIECE))
        except GzipBroken as error:
            raise ListingEnds(str(error)) from error
        except (zstandard.ZstdError, EOFError) as error:
            raise ListingEnds(_what_is_wrong(error)) from error
        self._left -= len(piece)
        return piece

    def is_whole(self) -> bool:
        return self._is_whole()

    def cut_short(self) -> ListingEnds:
        return ListingEnds("it is cut short")


def _what_is_wrong(error: Exception) -> str:
    if _WINDOW_TOO_LARGE in str(error):
        size = MAX_WINDOW_BYTES // 1024**2
        return f"it is compressed with zstd over a window of more than {size} MiB"
    return "its compression is broken"


def _watched(pieces: Iterator[bytes], tick: Callable[[], None]) -> Iterator[bytes]:
    """The pieces, with a ``tick`` before each is fetched."""
    tick()
    for piece in pieces:
        yield piece
        tick()


def _unpacked(
    packed: "io.BufferedReader[PiecesFile]", tick: Callable[[], None]
) -> tuple[Callable[[int], bytes], Callable[[], bool]]:
    """What reads it, and what says at the end whether that is where it was meant to end."""
    head = packed.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    if head.startswith(GZIP):
        gunzip = Gunzip(packed, tick)
        return gunzip.read, lambda: gunzip.is_whole
    if is_zstd(head):
        zstd = _Zstd(packed, head)
        return zstd.read, lambda: zstd.is_whole
    if form := unread_form(head):
        raise ListingEnds(f"it is compressed with {form}, which is not read here")
    return packed.read, lambda: True


class _Zstd:
    """Frames of zstd, one after the other, skippable ones among them."""

    def __init__(self, packed: "io.BufferedReader[PiecesFile]", head: bytes) -> None:
        options = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._reader = options.stream_reader(packed, read_across_frames=True)
        # The reader ends in silence where a frame is cut short; then often nothing came out.
        self.is_whole = len(head) <= _MAX_EMPTY_FRAME and _is_frame(head)

    def read(self, size: int) -> bytes:
        piece = self._reader.read(size)
        self.is_whole = self.is_whole or bool(piece)
        return piece


def _is_frame(packed: bytes) -> bool:
    frame = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj()
    try:
        frame.decompress(packed)
    except zstandard.ZstdError:
        return False
    return frame.eof

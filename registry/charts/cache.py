"""Generated documents that this process keeps, compressed, each made by one request for all.

The larger ones are in files without a name, so that they cost disk and no memory, and vanish with
the process.
"""

import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Final, Self
from weakref import finalize

from cachetools import LRUCache

from artifacts.oci.errors import Unavailable

_COMPRESSION_LEVEL: Final = 1
_GZIP: Final = 31  # zlib's window size for a gzip stream
_PIECE_BYTES: Final = 256 * 1024
_IN_MEMORY_BYTES: Final = 64 * 1024


class DocumentBusy(Unavailable):
    """Others make this document or wait for it already, or too many others are made."""

    message = "the list is being made for others; try again shortly"
    retry_after_seconds = 5


class Body:
    """One document. ``size`` and ``packed_size``, which is that of its gzip stream, in bytes.

    ``fingerprint`` names what went into it. Many may read it at once, each from the beginning.
    """

    fingerprint = ""
    is_too_long = False  # and so has no content

    def __init__(self) -> None:
        # SIM115: it is closed when nobody reads the document any more.
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        self._lock = threading.Lock()
        self.size = 0
        self.packed_size = 0
        finalize(self, self._file.close)

    @classmethod
    def write(cls, texts: Iterable[str], *, max_bytes: int) -> Self:
        """Make a document of texts; of too many bytes, one that only says so."""
        body = cls()
        compressor = zlib.compressobj(_COMPRESSION_LEVEL, wbits=_GZIP)
        for text in texts:
            piece = text.encode()
            body.size += len(piece)
            if body.size > max_bytes:
                body = cls()
                body.is_too_long = True
                return body
            body.packed_size += body._file.write(compressor.compress(piece))
        body.packed_size += body._file.write(compressor.flush())
        return body

    def packed(self) -> Iterator[bytes]:
        """Its gzip stream, a piece in memory at a time."""
        for start in range(0, self.packed_size, _PIECE_BYTES):
            with self._lock:
                self._file.seek(start)
                piece = self._file.read(_PIECE_BYTES)
            yield piece

    def pieces(self) -> Iterator[bytes]:
        """The document unpacked, a piece in memory at a time."""
        unpacker = zlib.decompressobj(wbits=_GZIP)
        for packed in self.packed():
            rest = packed
            while piece := unpacker.decompress(rest, _PIECE_BYTES):
                rest = unpacker.unconsumed_tail
                yield piece


class Bodies:
    """Safe to use from many threads. Forgets what was asked for least recently.

    Args:
        max_bytes: what all documents together may have, packed.
        max_count: how many there may be, since a large one is an open file.
        makers: documents that are made at once.
        max_waiting: threads that wait for them; more are refused at once.
        wait_seconds: how long each of these waits.
    """

    def __init__(
        self, *, max_bytes: int, max_count: int, makers: int, max_waiting: int, wait_seconds: float
    ) -> None:
        self._changed = threading.Condition()
        self._making: set[str] = set()
        self._waiting = 0
        self._makers = makers
        self._max_waiting = max_waiting
        self._wait_seconds = wait_seconds
        least = max_bytes // max_count
        self._bodies: LRUCache[str, Body] = LRUCache(
            max_bytes, getsizeof=lambda body: max(body.packed_size, least)
        )

    def get(self, key: str) -> Body | None:
        with self._changed:
            return self._bodies.get(key)

    def get_or_make(self, key: str, make: Callable[[], Body]) -> Body:
        """What is kept under ``key``, a fingerprint, or what ``make`` returns.

        Whoever asks for what another makes waits for it. Raises ``DocumentBusy``.
        """
        with self._changed:
            self._wait_for(lambda: key in self._bodies or self._may_make(key))
            if key in self._bodies:
                return self._bodies[key]
            self._making.add(key)
        try:
            body = make()
            with self._changed:
                self._keep(body)
            return body
        finally:
            with self._changed:
                self._making.remove(key)
                self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self._bodies.clear()

    def _may_make(self, key: str) -> bool:
        return key not in self._making and len(self._making) < self._makers

    def _wait_for(self, is_ready: Callable[[], bool]) -> None:
        if is_ready():
            return
        if self._waiting >= self._max_waiting:
            raise DocumentBusy
        self._waiting += 1
        try:
            if not self._changed.wait_for(is_ready, self._wait_seconds):
                raise DocumentBusy
        finally:
            self._waiting -= 1

    def _keep(self, body: Body) -> None:
        if self._bodies.getsizeof(body) <= self._bodies.maxsize:
            self._bodies[body.fingerprint] = body

"""Generated documents that this process remembers, compressed, up to so many bytes."""

import threading
import zlib
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

_GZIP = 31  # zlib's window size for a gzip stream
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    packed: bytes  # gzip
    size: int  # unpacked, in bytes
    fingerprint: str

    def pieces(self) -> Iterator[bytes]:
        """The document unpacked, a piece in memory at a time."""
        unpacker = zlib.decompressobj(wbits=_GZIP)
        packed = self.packed
        while piece := unpacker.decompress(packed, _PIECE_BYTES):
            packed = unpacker.unconsumed_tail
            yield piece


class Bodies:
    """Safe to use from many threads. Forgets what was asked for least recently."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._bodies: OrderedDict[Hashable, Body] = OrderedDict()

    def get(self, key: Hashable) -> Body | None:
        with self._lock:
            if key in self._bodies:
                self._bodies.move_to_end(key)
            return self._bodies.get(key)

    def put(self, key: Hashable, body: Body) -> None:
        if len(body.packed) > self._max_bytes:
            return
        with self._lock:
            self._bodies[key] = body
            self._bodies.move_to_end(key)
            while sum(len(kept.packed) for kept in self._bodies.values()) > self._max_bytes:
                self._bodies.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._bodies.clear()

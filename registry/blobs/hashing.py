"""The digest of bytes on their way through, and of uploads that go on later."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore, Lock
from uuid import UUID

from cachetools import LRUCache

from artifacts.oci.digest import Digest
from registry.storage.base import UploadWriter

_REMEMBERED_UPLOADS = 512
# What is larger is hashed while it is written, as long as the machine has a processor for it.
_BESIDE_BYTES = 512 * 1024
_BESIDE_AT_ONCE = max(1, (os.cpu_count() or 1) - 1)


class Hasher:
    """Counts and hashes pieces as they pass."""

    def __init__(self, algorithm: str, *, length: int = 0) -> None:
        self.algorithm = algorithm
        self.length = length
        self._state = hashlib.new(algorithm)

    def update(self, piece: bytes) -> None:
        self._state.update(piece)
        self.length += len(piece)

    def passing(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces, each of which counts from when the next is asked for."""
        for piece in pieces:
            if len(piece) < _BESIDE_BYTES or not _beside_places.acquire(blocking=False):
                self.update(piece)
                yield piece
                continue
            try:
                hashing = _beside.submit(self.update, piece)
                try:
                    yield piece
                finally:
                    hashing.result()
            finally:
                _beside_places.release()

    def digest(self) -> Digest:
        return Digest(self.algorithm, self._state.hexdigest())

    def copy(self) -> "Hasher":
        twin = Hasher(self.algorithm, length=self.length)
        twin._state = self._state.copy()
        return twin


def keep(upload: UUID, hasher: Hasher) -> None:
    """Remember what has seen the beginning of an upload."""
    with _lock:
        _hashers[upload] = hasher


def forget(upload: UUID) -> None:
    with _lock:
        _hashers.pop(upload, None)


def hasher_at(writer: UploadWriter, upload: UUID, algorithm: str, offset: int) -> Hasher:
    """A hasher that has seen the first ``offset`` bytes of an upload."""
    if offset == 0:
        return Hasher(algorithm)
    with _lock:
        last = _hashers.get(upload)
        if last and last.algorithm == algorithm and last.length == offset:
            # A copy: a request that fails half way must not spoil the state it began with.
            return last.copy()
    hasher = Hasher(algorithm)
    for piece in writer.read(offset):
        hasher.update(piece)
    return hasher


_beside = ThreadPoolExecutor(_BESIDE_AT_ONCE, thread_name_prefix="hashing")
_beside_places = BoundedSemaphore(_BESIDE_AT_ONCE)
_lock = Lock()
# Of uploads whose beginning this process has seen. A miss costs a read.
_hashers: LRUCache[UUID, Hasher] = LRUCache(_REMEMBERED_UPLOADS)

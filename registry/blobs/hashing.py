"""The digest of bytes on their way through, and of uploads that go on later."""

import hashlib
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import TypeVar
from uuid import UUID

from cachetools import LRUCache

from artifacts.oci.digest import Digest
from registry.storage.base import Piece, UploadWriter

P = TypeVar("P", bound=Piece)

_REMEMBERED_UPLOADS = 512


class Hasher:
    """Counts and hashes pieces as they pass."""

    def __init__(self, algorithm: str, *, length: int = 0) -> None:
        self.algorithm = algorithm
        self.length = length
        self._state = hashlib.new(algorithm)

    def update(self, piece: Piece) -> None:
        self._state.update(piece)
        self.length += len(piece)

    def passing(self, pieces: Iterable[P]) -> Iterator[P]:
        for piece in pieces:
            self.update(piece)
            yield piece

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


_lock = Lock()
# Of uploads whose beginning this process has seen. A miss costs a read.
_hashers: LRUCache[UUID, Hasher] = LRUCache(_REMEMBERED_UPLOADS)

"""The digest of bytes on their way through, and of uploads that go on later."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from artifacts.oci.digest import Digest
from registry.storage.base import UploadWriter

_REMEMBERED_UPLOADS = 512


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
        for piece in pieces:
            self.update(piece)
            yield piece

    def digest(self) -> Digest:
        return Digest(self.algorithm, self._state.hexdigest())

    def copy(self) -> "Hasher":
        twin = Hasher(self.algorithm, length=self.length)
        twin._state = self._state.copy()
        return twin


@dataclass
class _Memory:
    """Hashers of uploads this process has seen the beginning of. A miss costs a read."""

    hashers: "OrderedDict[tuple[UUID, str], Hasher]"
    lock: Lock

    def recall(self, upload: UUID, algorithm: str, offset: int) -> Hasher | None:
        with self.lock:
            hasher = self.hashers.get((upload, algorithm))
            # A copy: a request that fails half way must not spoil the state it began with.
            return hasher.copy() if hasher and hasher.length == offset else None

    def keep(self, upload: UUID, hasher: Hasher) -> None:
        with self.lock:
            self.hashers[upload, hasher.algorithm] = hasher
            self.hashers.move_to_end((upload, hasher.algorithm))
            while len(self.hashers) > _REMEMBERED_UPLOADS:
                self.hashers.popitem(last=False)

    def forget(self, upload: UUID) -> None:
        with self.lock:
            for key in [key for key in self.hashers if key[0] == upload]:
                del self.hashers[key]


_memory = _Memory(OrderedDict(), Lock())
keep = _memory.keep
forget = _memory.forget


def hasher_at(writer: UploadWriter, upload: UUID, algorithm: str, offset: int) -> Hasher:
    """A hasher that has seen the first ``offset`` bytes of an upload."""
    if offset == 0:
        return Hasher(algorithm)
    if hasher := _memory.recall(upload, algorithm, offset):
        return hasher
    hasher = Hasher(algorithm)
    for piece in writer.read(offset):
        hasher.update(piece)
    return hasher

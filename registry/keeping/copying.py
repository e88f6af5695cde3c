"""Copying blobs from one place to another: several at once, each read as it is copied."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import NamedTuple

from artifacts.oci.digest import Digest
from registry.blobs.hashing import Hasher
from registry.keeping.places import Place, PlacedFile
from registry.storage.base import BytesMissing
from registry.storage.select import blob_store

_AT_ONCE = 4
_WAITING = 16
_LOOK_SECONDS = 30.0
_LOST_KEPT = 1000


class BytesDiffer(Exception):
    """What was read is not what its digest says."""


class Wanted(NamedTuple):
    key: str
    digest: str
    size: int


@dataclass(slots=True)
class Copied:
    """``lost``: digests of blobs that the source has not, or has wrong; the first thousand."""

    blobs: int = 0  # there now, copied or found
    copied: int = 0
    copied_bytes: int = 0
    lost: list[str] = field(default_factory=list)
    lost_count: int = 0

    def lose(self, digest: str) -> None:
        self.lost_count += 1
        if len(self.lost) < _LOST_KEPT:
            self.lost.append(digest)


def read_stored(blob: Wanted) -> Iterator[bytes]:
    """Its bytes in the store of the registry. Raises ``BytesMissing``."""
    return blob_store().read(blob.key, 0, blob.size)


def copy_blobs(
    wanted: Iterable[Wanted],
    *,
    read: Callable[[Wanted], Iterator[bytes]],
    place: Place,
    is_there: Callable[[Wanted], bool] = lambda _: False,
    tell: Callable[[Copied], None] = lambda _: None,
    go_on: Callable[[], None] = lambda: None,
) -> Copied:
    """Copy what ``place`` has not under the same key with the same length.

    Args:
        wanted: in the order of the keys, none twice.
        read: the bytes of one; called in other threads. Raises ``BytesMissing``.
        is_there: asked before one is copied, in other threads, where others write to ``place``:
            what came since it was listed is not new.
        go_on: called at least every half minute. What it raises ends it all.
    """
    done = Copied()
    underway: dict[Future[bool], Wanted] = {}
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="copy")
    try:
        for blob in _missing(wanted, place, done):
            underway[pool.submit(_copy, blob, read, place, is_there)] = blob
            while len(underway) >= _WAITING:
                _settle(underway, done, go_on, tell)
        while underway:
            _settle(underway, done, go_on, tell)
    finally:
        pool.shutdown(cancel_futures=True)
    return done


def _missing(wanted: Iterable[Wanted], place: Place, done: Copied) -> Iterator[Wanted]:
    """Those that are not there, told by going through both in their order."""
    there = place.files("blobs")
    file: PlacedFile | None = next(there, None)
    for blob in wanted:
        while file and file.name < blob.key:
            file = next(there, None)
        if file == (blob.key, blob.size):
            done.blobs += 1
        else:
            yield blob


def _copy(
    blob: Wanted,
    read: Callable[[Wanted], Iterator[bytes]],
    place: Place,
    is_there: Callable[[Wanted], bool],
) -> bool:
    """Whether it was new."""
    if is_there(blob):
        return False
    place.write(blob.key, _verified(read(blob), blob), blob.size)
    return True


def _verified(pieces: Iterator[bytes], blob: Wanted) -> Iterator[bytes]:
    """``pieces``, and an error at their end unless they are what the digest says."""
    expected = Digest.parse(blob.digest)
    hasher = Hasher(expected.algorithm)
    yield from hasher.passing(pieces)
    if hasher.digest() != expected:
        raise BytesDiffer(blob.digest)


def _settle(
    underway: dict[Future[bool], Wanted],
    done: Copied,
    go_on: Callable[[], None],
    tell: Callable[[Copied], None],
) -> None:
    ended, _ = wait(underway, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
    go_on()
    for future in ended:
        blob = underway.pop(future)
        try:
            is_new = future.result()
        except (BytesMissing, BytesDiffer):
            done.lose(blob.digest)
            continue
        done.blobs += 1
        if is_new:
            done.copied += 1
            done.copied_bytes += blob.size
    tell(done)

"""What the registry asks of a place that keeps bytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from artifacts.oci.errors import Unavailable
from registry.metrics.families import Counter, Histogram

PIECE_BYTES = 256 * 1024

Piece = bytes | memoryview
"""Some bytes of a blob. What a view shows stays as it is until the call that takes it returns."""

REQUESTS = Counter(
    "berth_storage_requests_total",
    "Requests to a store elsewhere.",
    ("operation", "result"),
)
SECONDS = Histogram("berth_storage_request_duration_seconds", "How long they took.", ("operation",))


class WriterReplaced(Exception):
    """Another writer took the upload over; what this one wrote does not count."""


class BytesMissing(Exception):
    """The store does not hold the bytes that a row speaks of."""


class StorageUnavailable(Unavailable):
    """The store does not answer, or refuses us. ``why`` is for the registry's administrators."""

    message = "the registry's storage does not answer"

    def __init__(self, reason: str = "", *, why: str = "") -> None:
        super().__init__(reason)
        self.why = why


class DiskFailed(StorageUnavailable):
    """A file cannot be read or written, for another reason than that it is not there."""


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """What is stored under a key.

    ``stored_at`` is when the bytes were finished, or a later moment where the store
    cannot tell: never an earlier one, such as the beginning of a long upload. What
    was stored a moment ago may still wait for the row that names it.
    """

    key: str
    size: int
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class UnfinishedUpload:
    """Bytes on their way in; ``active_at`` is when some last arrived, or later."""

    upload: UUID
    active_at: datetime


class UploadWriter(Protocol):
    """One request's hold on an upload, until the next request takes it over.

    Every method raises ``WriterReplaced`` once that has happened, and does
    nothing then: the bytes of two writers never mix.
    """

    def read(self, length: int) -> Iterator[bytes]:
        """The first ``length`` bytes that are there."""
        ...

    def write(self, pieces: Iterable[Piece]) -> int:
        """Append ``pieces``; return their length in bytes.

        When it fails, ``StorageFull`` among others, what it wrote is cut off again.
        """
        ...

    def cut(self, length: int) -> None:
        """Give back the room of what is behind ``length`` bytes; the writer goes no further."""
        ...

    def undisturbed(self) -> AbstractContextManager[None]:
        """Inside, nobody can take the upload over: the place to move its row."""
        ...

    def finish(self) -> str:
        """Give what was written its place; return the key it stays under from now on.

        A key is never used twice, so a late deletion cannot hit other bytes. ``settle`` comes
        before anything is promised of it.
        """
        ...


class BlobStore(Protocol):
    """Bytes on their way in, by upload id; and bytes that stay, by key."""

    def require(self) -> None:
        """Raise ``StorageUnavailable`` when the place does not answer, or not to us."""
        ...

    def require_room(self, size_bytes: int) -> None:
        """Raise ``StorageFull`` when ``size_bytes`` more cannot fit."""
        ...

    def hold(
        self, upload: UUID, offset: int, *, confirm: Callable[[], None]
    ) -> AbstractContextManager[UploadWriter]:
        """Take an upload over, cut to ``offset`` bytes: the offset that its row tells.

        ``confirm`` looks again whether ``offset`` is still right, at a moment when
        no other writer can move it, and raises when it is not: nothing is cut then.
        Raises ``BytesMissing`` when fewer than ``offset`` bytes are there.
        """
        ...

    def keep(self, upload: UUID, content: Piece) -> str:
        """Store a small blob that is all there; return the key it stays under.

        No upload that anybody goes on with: all of it is stored, or nothing. ``settle`` comes
        before anything is promised of it.
        """
        ...

    def settle(self, keys: Sequence[str]) -> None:
        """Make durable what ``finish`` and ``keep`` stored under these keys.

        When it fails, all of it is gone: what a disk says of such bytes later cannot be relied on.
        """
        ...

    def discard(self, upload: UUID) -> None:
        """Forget an unfinished upload. Does nothing when there is none."""
        ...

    def read(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """``length`` bytes from byte ``start``. Raises ``BytesMissing`` at the call, not later."""
        ...

    def link(self, key: str) -> str | None:
        """A URL at which a client can read ``key`` for a while; ``None``: only ``read`` can.

        Raises ``BytesMissing`` where there is nothing to read.
        """
        ...

    def size(self, key: str) -> int | None:
        """Length of what is stored under ``key`` in bytes; ``None`` when nothing is."""
        ...

    def delete(self, key: str) -> None:
        """Remove ``key``. Does nothing when it is gone already."""
        ...

    def stored(self, *, after: str = "") -> Iterator[StoredBytes]:
        """Everything under a key greater than ``after``, in the order of the keys' bytes.

        Read as it is consumed, never held as a whole. What is stored or deleted
        meanwhile may be listed or not.
        """
        ...

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        """Every upload of which some bytes are held, in any order. ``discard`` takes them away."""
        ...

    def clean(self, *, now: datetime, older_than: timedelta) -> int:
        """Remove what is older and neither ``stored`` nor ``unfinished`` names; return how much."""
        ...

"""Who may write an upload. S3 has no locks, so a row of the database is the fence.

Whoever takes an upload over writes a new name into its row. Every change of the row is
made under its lock and only by the writer whose name it has, and part numbers are
given out by the row: what an older writer still has on its way to S3 lands under a
number, or a key, that nobody else will ever look at.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models.functions import Now

from registry.rows.connections import connection_between_waits
from registry.storage.base import BytesMissing, StorageUnavailable, WriterReplaced
from registry.storage.models import S3Multipart, S3Upload
from registry.storage.s3_bucket import Bucket, Part

LAST_PART = 10_000


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of an upload, too short for a part, as an object."""

    start: int
    length: int
    key: str


@dataclass(slots=True)
class Leftovers:
    """What nobody needs any more: keys of objects, and multipart uploads by key and id."""

    keys: list[str] = field(default_factory=list)
    multiparts: list[tuple[str, str]] = field(default_factory=list)

    def remove(self, bucket: Bucket) -> None:
        """Best effort: what stays is found by the comparison of database and store."""
        with suppress(StorageUnavailable):
            self._remove(bucket)

    def _remove(self, bucket: Bucket) -> None:
        for key, multipart_id in self.multiparts:
            bucket.abort(key, multipart_id)
        for key in self.keys:
            bucket.delete(key)


@dataclass(slots=True)
class Taken:
    """An upload as its new writer finds it, cut to the offset."""

    fence: "Fence"
    row: S3Upload
    tail: Tail | None
    leftovers: Leftovers


@dataclass(frozen=True, slots=True)
class Fence:
    """One writer's right to an upload."""

    upload: UUID
    writer: UUID

    @contextmanager
    def hold(self) -> Iterator[S3Upload]:
        """The row, locked. Raises ``WriterReplaced`` when it is another's."""
        with connection_between_waits(), transaction.atomic():
            mine = S3Upload.objects.select_for_update().filter(
                pk=self.upload, writer=self.writer, finished_at=None
            )
            row = mine.first()
            if row is None:
                raise WriterReplaced(str(self.upload))
            yield row

    def check(self) -> None:
        with connection_between_waits():
            mine = S3Upload.objects.filter(pk=self.upload, writer=self.writer, finished_at=None)
            if not mine.exists():
                raise WriterReplaced(str(self.upload))

    def next_part(self) -> int:
        """A part number that nobody had. Raises ``BytesMissing`` when there are no more."""
        with self.hold() as row:
            number = row.next_part
            if number > LAST_PART:
                raise BytesMissing(f"{self.upload} was broken off too often")
            save(row, next_part=number + 1)
        return number

    def finish(self, key: str) -> Leftovers:
        """Say that the upload's bytes are under ``key``, and nobody's any more."""
        with self.hold() as row:
            left = [tail[2] for tail in row.tails] + ([row.base["key"]] if row.base else [])
            unused = [(row.key, row.multipart_id)] if row.multipart_id and row.key != key else []
            save(row, key=key, multipart_id="", finished_at=Now())
        return Leftovers([other for other in left if other != key], unused)

    def reopen(self, multipart_id: str) -> None:
        """Take ``finish`` back, after S3 did not do its part."""
        with connection_between_waits():
            S3Upload.objects.filter(pk=self.upload, writer=self.writer).update(
                multipart_id=multipart_id, finished_at=None
            )


def save(row: S3Upload, **values: Any) -> None:
    S3Upload.objects.filter(pk=row.pk).update(active_at=Now(), **values)


def take_over(upload: UUID, offset: int, confirm: Callable[[], None]) -> Taken:
    """Become the writer of an upload. Nothing happens when ``confirm`` raises."""
    with connection_between_waits(), transaction.atomic():
        if not offset:
            fresh = S3Upload(upload=upload, writer=uuid4(), active_at=Now())
            S3Upload.objects.bulk_create([fresh], ignore_conflicts=True)
        row = S3Upload.objects.select_for_update().filter(pk=upload).first()
        confirm()
        if row is None:  # never there, or discarded between our two statements
            raise (BytesMissing if offset else WriterReplaced)(str(upload))
        if row.finished_at:
            if offset:
                raise BytesMissing(str(upload))
            row = S3Upload(upload=upload)
        tail, leftovers = _cut(row, offset)
        row.writer = uuid4()
        row.active_at = Now()
        row.save()
    return Taken(Fence(upload, row.writer), row, tail, leftovers)


def discard(upload: UUID) -> Leftovers:
    """Remove an upload that is not finished; return what it leaves in the bucket."""
    left = Leftovers()
    with connection_between_waits(), transaction.atomic():
        rows = S3Upload.objects.select_for_update().filter(pk=upload, finished_at=None)
        row = rows.first()
        if row is None:
            return left
        row.delete()
    left.keys += [tail[2] for tail in row.tails]
    if row.multipart_id:
        left.multiparts.append((row.key, row.multipart_id))
    if row.base:
        left.keys.append(row.base["key"])
        left.multiparts.append((row.base["key"], row.base["multipart_id"]))
    return left


def note_multipart(key: str) -> None:
    with connection_between_waits():
        S3Multipart.objects.create(key=key, begun_at=Now())


def forget_multipart(key: str) -> None:
    with connection_between_waits():
        S3Multipart.objects.filter(pk=key).delete()


def parts_of(row: S3Upload) -> list[Part]:
    return [(number, tag, size) for number, tag, size in row.parts]


def _cut(row: S3Upload, offset: int) -> tuple[Tail | None, Leftovers]:
    """Cut the row to ``offset``: whole stretches, and the tail that reaches it."""
    left = Leftovers()
    if row.base and row.base["size"] > offset:
        left.keys.append(row.base["key"])
        left.multiparts.append((row.base["key"], row.base["multipart_id"]))
        row.base = None
    ends = [0, *accumulate(size for _, _, size in row.parts)]
    if not row.multipart_id and row.base:
        ends = [row.base["size"]]
    tails = [Tail(*tail) for tail in row.tails]
    tail = None
    if offset not in ends:
        reaching = (t for t in tails if t.start in ends and t.start <= offset <= t.start + t.length)
        tail = next(reaching, None)
        if tail is None:
            raise BytesMissing(f"{row.pk} cannot be cut to {offset}")
    start = tail.start if tail else offset
    row.parts = row.parts[: ends.index(start)]
    row.tails = [[tail.start, tail.length, tail.key]] if tail else []
    left.keys += [other.key for other in tails if other != tail]
    return tail, left

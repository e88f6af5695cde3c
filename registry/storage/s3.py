"""Blobs in a bucket of S3, or of a server that speaks as S3 does.

All objects are named ``blobs/<aa>/<upload>.<random>``. What an upload has received so
far is written down in its row (``registry.storage.models``): parts of a multipart
upload that was opened at its final key, and a tail that is too short for a part. A
blob that is shorter than a part is one object, often its own tail: nothing is copied.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from registry.storage import s3_fence
from registry.storage.base import BytesMissing, Piece, StoredBytes, UnfinishedUpload, WriterReplaced
from registry.storage.models import S3Multipart, S3Upload
from registry.storage.s3_bucket import Bucket, Listed
from registry.storage.s3_reader import S3Reader
from registry.storage.s3_writer import S3Writer, new_key

LINK_SECONDS = 600

_FOLDER = "blobs"
_ROWS = 500


@dataclass(frozen=True, slots=True)
class S3Store:
    """``part_bytes`` is what each upload under way may have in memory."""

    bucket: Bucket
    part_bytes: int

    def require(self) -> None:
        self.bucket.require()

    def require_room(self, size_bytes: int) -> None:
        """A bucket does not tell how much room it has."""

    @contextmanager
    def hold(self, upload: UUID, offset: int, *, confirm: Callable[[], None]) -> Iterator[S3Writer]:
        taken = s3_fence.take_over(upload, offset, confirm)
        taken.leftovers.remove(self.bucket)
        writer = S3Writer.on(taken, bucket=self.bucket, part_bytes=self.part_bytes, offset=offset)
        try:
            yield writer
        except BytesMissing:
            taken.fence.check()  # a later writer may have taken them away
            raise
        with suppress(WriterReplaced):
            writer.settle()

    def keep(self, upload: UUID, content: Piece) -> str:
        key = new_key(upload)
        self.bucket.put(key, bytes(content))
        return key

    def settle(self, keys: Sequence[str]) -> None:
        """What a bucket answers for is durable."""

    def discard(self, upload: UUID) -> None:
        s3_fence.discard(upload).remove(self.bucket)

    def read(self, key: str, start: int, length: int) -> Iterator[bytes]:
        if length:
            return S3Reader(self.bucket, key, start, length)
        self._require(key)
        return iter(())

    def link(self, key: str) -> str | None:
        self._require(key)
        return self.bucket.link(key, LINK_SECONDS)

    def size(self, key: str) -> int | None:
        return self.bucket.size(key)

    def delete(self, key: str) -> None:
        self.bucket.delete(key)

    def stored(self, *, after: str = "") -> Iterator[StoredBytes]:
        for page in self.bucket.objects(_FOLDER, after=after):
            rows = _rows_of(page)
            for entry in page:
                row = rows.get(_upload_of(entry.key))
                if row is None:
                    yield StoredBytes(entry.key, entry.size, entry.moment)
                elif row.finished_at:
                    # S3 tells when a multipart upload began, not when it became whole.
                    moment = max(entry.moment, row.finished_at)
                    yield StoredBytes(entry.key, entry.size, moment)

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        rows = S3Upload.objects.filter(finished_at=None).order_by("pk")
        for upload, moment in rows.values_list("pk", "active_at").iterator(chunk_size=_ROWS):
            yield UnfinishedUpload(upload, moment)

    def clean(self, *, now: datetime, older_than: timedelta) -> int:
        """Abort multipart uploads that nobody goes on with. Forget when other uploads ended.

        A process that dies between opening one and writing that down leaves it behind, and so
        does a server that was away when it was to be aborted. Objects are left to the comparison
        of database and store.
        """
        before = now - older_than
        count, after = 0, ""
        old = S3Multipart.objects.filter(begun_at__lt=before).order_by("key")
        while keys := list(old.filter(key__gt=after).values_list("key", flat=True)[:_ROWS]):
            after = keys[-1]
            uploads = {key: _upload_of(key) for key in keys}
            rows = S3Upload.objects.filter(pk__in=filter(None, uploads.values()))
            young = rows.filter(Q(finished_at=None) | Q(finished_at__gte=before))
            awaited = set(young.values_list("pk", flat=True))
            for key in (key for key in keys if uploads[key] not in awaited):
                for multipart_id in self.bucket.multipart_ids(key):
                    self.bucket.abort(key, multipart_id)
                    count += 1
                s3_fence.forget_multipart(key)
        S3Upload.objects.filter(finished_at__lt=before).delete()
        return count

    def _require(self, key: str) -> None:
        if self.size(key) is None:
            raise BytesMissing(key)


def _rows_of(page: list[Listed]) -> dict[UUID | None, S3Upload]:
    uploads = {upload for entry in page if (upload := _upload_of(entry.key))}
    rows = S3Upload.objects.filter(pk__in=uploads).only("finished_at")
    return {row.pk: row for row in rows}


def _upload_of(key: str) -> UUID | None:
    try:
        return UUID(key.rpartition("/")[2].partition(".")[0])
    except ValueError:
        return None

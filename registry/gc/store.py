"""Compare the database with the store: bytes without a row, rows without bytes.

Both are read in the order of the storage keys, side by side, so neither is ever held as a
whole. What looks wrong is looked at again before anything is done: rows and bytes come and
go meanwhile, and some stores list late.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from artifacts.batches import batched
from registry.blobs.models import Blob, UploadSession
from registry.gc.models import Checkpoint, holds
from registry.gc.reachability import grace
from registry.gc.report import Garbage, Report
from registry.storage.base import StoredBytes
from registry.storage.select import blob_store

logger = logging.getLogger(__name__)

_PAGE_ROWS = 1000
_SAMPLE = 20
_ROUND = "reconcile"  # the name of its checkpoint
_UPLOADS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """What one storage key stands for on either side; one of the two may be missing."""

    row: Blob | None
    stored: StoredBytes | None

    @property
    def key(self) -> str:
        return self.row.storage_key if self.row else self.stored.key if self.stored else ""

    @property
    def fits(self) -> bool:
        return bool(self.row and self.stored and self.row.size == self.stored.size)


def reconcile_store(
    *, now: datetime, abandoned_after: timedelta, report: Report, dry_run: bool = False
) -> None:
    """Take leftovers of crashed processes out of the store; note what else does not fit.

    Rows without bytes are only reported: perhaps the store is not all there, and
    ``fsck`` is how a person says that it is.
    """
    if _may_begin(report):
        delete_abandoned_uploads(
            now=now, older_than=abandoned_after, report=report, dry_run=dry_run
        )
        for pair in pairs():
            _settle(pair, now=now, report=report, dry_run=dry_run)


def reconcile_stretch(
    *, now: datetime, abandoned_after: timedelta, report: Report, seconds: float
) -> bool:
    """As much of ``reconcile_store`` as fits into ``seconds``; whether that was the rest of it.

    The next one goes on behind it, in whatever process. A store of millions of objects takes
    hours, and a run that long would be delivered again, or end with its machine.
    """
    ends = time.monotonic() + seconds
    if not _may_begin(report):
        return True
    begun = Checkpoint.objects.filter(name=_ROUND).first()
    if begun is None:
        delete_abandoned_uploads(now=now, older_than=abandoned_after, report=report, dry_run=False)
    else:
        for problem in begun.problems:
            report.add_problem(problem)
    for pair in pairs(after=begun.after if begun else ""):
        _settle(pair, now=now, report=report, dry_run=False)
        if time.monotonic() > ends:
            Checkpoint.objects.update_or_create(
                name=_ROUND, defaults={"after": pair.key, "problems": report.problems}
            )
            return False
    Checkpoint.objects.filter(name=_ROUND).delete()
    return True


def _may_begin(report: Report) -> bool:
    if not _is_ours():
        report.add_problem(
            "the store lacks many of the blobs that the database knows; nothing was deleted from"
            " it, since it may be another registry's. Look at it with: manage.py fsck --dry-run"
        )
        return False
    return True


def _settle(pair: Pair, *, now: datetime, report: Report, dry_run: bool) -> None:
    if pair.row is None and pair.stored:
        delete_nameless(stored=pair.stored, now=now, report=report, dry_run=dry_run)
    elif pair.row and not pair.row.missing_at and not pair.fits:
        report.add_problem(damage_of(pair.row))


def _is_ours() -> bool:
    """Whether the store has most of some blobs: what has no row in another one is not ours."""
    some = list(Blob.objects.filter(missing_at=None).order_by("storage_key")[:_SAMPLE])
    return not some or sum(
        blob_store().size(row.storage_key) == row.size for row in some
    ) * 2 > len(some)


def delete_abandoned_uploads(
    *, now: datetime, older_than: timedelta, report: Report, dry_run: bool
) -> None:
    """Uploads without a session: a direct push, or a deleted repository's, that came to nothing."""
    uploads = blob_store().unfinished()
    for some in batched(uploads, _UPLOADS_AT_ONCE):
        old = [one.upload for one in some if one.active_at <= now - older_than]
        sessions = UploadSession.objects.filter(pk__in=old, is_closed=False)
        awaited = sessions.values_list("pk", flat=True)
        for upload in set(old) - set(awaited):
            _discard(upload, report, dry_run=dry_run)


def pairs(*, after: str = "") -> Iterator[Pair]:
    """All blobs and all that is stored under greater keys, matched by storage key."""
    rows, stored = _rows(after), blob_store().stored(after=after)
    row, entry = next(rows, None), next(stored, None)
    while row or entry:
        if entry is None or (row and row.storage_key < entry.key):
            yield Pair(row, None)
            row = next(rows, None)
        elif row is None or entry.key < row.storage_key:
            yield Pair(None, entry)
            entry = next(stored, None)
        else:
            yield Pair(row, entry)
            row, entry = next(rows, None), next(stored, None)


def damage_of(row: Blob) -> str:
    """What is wrong with the bytes of a blob, as far as their length tells; empty if nothing."""
    size = blob_store().size(row.storage_key)
    if size == row.size or not Blob.objects.filter(pk=row.pk, storage_key=row.storage_key).exists():
        return ""  # as it should be, or the blob was collected or repaired meanwhile
    if size is None:
        return f"blob {row.digest}: the store does not hold {row.storage_key}"
    return f"blob {row.digest}: {row.storage_key} has {size:,} bytes, not {row.size:,}"


def _rows(after: str) -> Iterator[Blob]:
    while page := list(
        Blob.objects.filter(storage_key__gt=after).order_by("storage_key")[:_PAGE_ROWS]
    ):
        yield from page
        after = page[-1].storage_key


def delete_nameless(*, stored: StoredBytes, now: datetime, report: Report, dry_run: bool) -> None:
    """Bytes that a process left behind between storing them and naming them, or after the row."""
    if stored.stored_at > now - grace() or _is_awaited(stored.key) or holds(now).exists():
        return
    if Blob.objects.filter(storage_key=stored.key).exists():
        return
    try:
        if not dry_run:
            blob_store().delete(stored.key)
    except Exception as error:
        logger.exception("cannot delete %s", stored.key)
        report.add_problem(f"{stored.key}: {error}")
        return
    report.add(Garbage.STORED_BYTES, size_bytes=stored.size)


def _is_awaited(key: str) -> bool:
    """Whether a session is about to give birth to the row.

    The session is closed in the same transaction in which the row comes. So who first
    finds no open session and then no row knows that none will come.
    """
    upload = key.rpartition("/")[2].partition(".")[0]
    try:
        return UploadSession.objects.filter(pk=UUID(upload), is_closed=False).exists()
    except ValueError:
        return False


def _discard(upload: UUID, report: Report, *, dry_run: bool) -> None:
    try:
        if not dry_run:
            blob_store().discard(upload)
    except Exception as error:
        logger.exception("cannot discard the upload %s", upload)
        report.add_problem(f"upload {upload}: {error}")
        return
    report.add(Garbage.UPLOAD)

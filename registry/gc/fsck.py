"""Examine everything that is stored: is it there, is it whole, is it what its name says?

A blob that is broken is hidden (``Blob.missing_at``): who asks is told that it is not there,
and the next push of it brings good bytes. Broken bytes are not deleted before that.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet, Sum

from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestInvalid, ManifestTypeUnsupported
from registry.blobs.hashing import Hasher
from registry.blobs.models import Blob, BlobLink
from registry.gc.report import Report
from registry.gc.store import damage_of, delete_nameless, pairs
from registry.gc.sweeping import BATCH_ROWS, stretches
from registry.manifests.models import Manifest, ManifestBlob
from registry.storage.base import BytesMissing, DiskFailed
from registry.storage.select import blob_store

logger = logging.getLogger(__name__)


_MANY_LOST = 10  # and more than a share of all
_MANY_LOST_SHARE = 0.05


class StoreAbsent(Exception):
    """The store holds none of the blobs, or too few: it is likely not mounted, or another one."""


@dataclass(slots=True)
class Progress:
    """The share that is done, given to ``tell`` after each blob."""

    total_bytes: int
    tell: Callable[[float], None]
    done_bytes: int = 0

    def add(self, size_bytes: int) -> None:
        self.done_bytes += size_bytes
        self.tell(min(self.done_bytes / self.total_bytes, 1.0) if self.total_bytes else 1.0)


def compare(*, now: datetime, report: Report, dry_run: bool, may_hide_many: bool = False) -> int:
    """Match rows with bytes in both directions; return how many blobs there are.

    Blobs whose bytes are gone or cut are hidden. Bytes without a blob are deleted
    when they are older than the grace.

    Raises ``StoreAbsent`` before anything is changed.

    Args:
        may_hide_many: whether it is known that a large part of the store is lost.
    """
    require_store()
    if not (dry_run or may_hide_many):
        _require_most()
    blobs = 0
    for pair in pairs():
        blobs += pair.row is not None
        if pair.row is None and pair.stored:
            delete_nameless(stored=pair.stored, now=now, report=report, dry_run=dry_run)
        elif pair.row and not pair.row.missing_at and not pair.fits:
            _quarantine(pair.row, damage_of(pair.row), now, report, dry_run=dry_run)
    return blobs


def require_store() -> None:
    """Refuse to take every blob for lost when the whole store is."""
    if Blob.objects.filter(missing_at=None).exists() and not next(blob_store().stored(), None):
        raise StoreAbsent(
            "the store holds nothing, but the database knows blobs; is the storage mounted,"
            " and DISTRIBUTED_STORAGE_CONFIG right? Nothing was changed"
        )


def _require_most() -> None:
    """Refuse to hide a large part of all blobs unasked: perhaps the store is another one."""
    blobs = lost = 0
    for pair in pairs():
        if pair.row and not pair.row.missing_at:
            blobs += 1
            lost += not pair.fits
    if lost > max(_MANY_LOST, blobs * _MANY_LOST_SHARE):
        raise StoreAbsent(
            f"the store lacks {lost:,} of {blobs:,} blobs; is it all there, and"
            " DISTRIBUTED_STORAGE_CONFIG right? If they are lost, say --yes and they are hidden"
            " until they are pushed again. Nothing was changed"
        )


def rehash(*, now: datetime, report: Report, tell: Callable[[float], None], dry_run: bool) -> int:
    """Read every blob and compare its digest, after ``compare``; return how many there are.

    A hidden blob whose bytes prove to be right is shown again.
    """
    total = Blob.objects.aggregate(size=Sum("size", default=0), items=Count("pk"))
    progress = Progress(total["size"], tell)
    for stretch in stretches(Blob.objects.all(), BATCH_ROWS):
        for blob in Blob.objects.filter(stretch).order_by("pk"):
            _examine(blob, now, report, dry_run=dry_run)
            progress.add(blob.size)
    return int(total["items"])


def check_manifests(*, report: Report) -> int:
    """Compare each manifest with its digest, and with the blobs its repository holds for it.

    Returns how many there are.
    """
    checked = 0
    for stretch in stretches(Manifest.objects.all(), BATCH_ROWS):
        rows = Manifest.objects.filter(stretch).select_related("repository")
        manifests = list(rows.order_by("pk"))
        blobs = _blobs_of(manifests)
        for manifest in manifests:
            report.add_problem(_damage_of_manifest(manifest, blobs[manifest.pk]))
        checked += len(manifests)
    return checked


def _blobs_of(manifests: list[Manifest]) -> dict[int, set[str]]:
    blobs: dict[int, set[str]] = {manifest.pk: set() for manifest in manifests}
    edges = ManifestBlob.objects.filter(manifest__in=list(blobs))
    for manifest, blob in edges.values_list("manifest_id", "link__blob_id"):
        blobs[manifest].add(blob)
    return blobs


def _damage_of_manifest(manifest: Manifest, blobs: set[str]) -> str:
    body = bytes(manifest.body)
    expected = Digest.parse(manifest.digest)
    try:
        document = manifest.document
    except ManifestTypeUnsupported as error:
        return f"manifest {manifest}: {error.reason}, so it cannot be checked"
    except ManifestInvalid as error:
        return f"manifest {manifest}: {error.reason}; delete it and push it again"
    if document.digest_of(body, expected.algorithm) != expected:
        return f"manifest {manifest}: its bytes have another digest; delete it and push it again"
    for blob in document.required_blobs():
        if str(blob.digest) not in blobs:
            return f"manifest {manifest}: {blob.digest} is not held for it; push it again"
    return ""


def incomplete_manifests() -> Iterator[str]:
    """Manifests that cannot be pulled whole, because a blob of theirs is hidden."""
    for link in _hidden_links():
        for naming in Manifest.objects.present().naming(
            link.blob_id, repository=link.repository_id
        ):
            rows = naming.select_related("repository").defer("body").order_by("pk")
            for manifest in rows.iterator(chunk_size=BATCH_ROWS):
                yield f"{manifest} needs {link.blob_id}; push it again to repair it"


def _hidden_links() -> Iterator[BlobLink]:
    hidden = BlobLink.objects.filter(blob__missing_at__isnull=False)
    return hidden.order_by("pk").iterator(chunk_size=BATCH_ROWS)


def _examine(blob: Blob, now: datetime, report: Report, *, dry_run: bool) -> None:
    if damage_of(blob):
        return  # the comparison has told
    try:
        damage = _wrong_digest(blob)
    except BytesMissing:  # collected or repaired meanwhile
        return
    except DiskFailed as error:
        damage = f"blob {blob.digest}: {blob.storage_key} cannot be read ({error.why})"
    if damage and not blob.missing_at:
        _quarantine(blob, damage, now, report, dry_run=dry_run)
    elif not damage and blob.missing_at:
        report.add_problem(f"blob {blob.digest}: is hidden, but its bytes are right; shown again")
        if not dry_run:
            _same(blob).update(missing_at=None)


def _wrong_digest(blob: Blob) -> str:
    expected = Digest.parse(blob.digest)
    hasher = Hasher(expected.algorithm)
    # One byte more than there should be, so that what is too long is found too.
    for piece in blob_store().read(blob.storage_key, 0, blob.size + 1):
        hasher.update(piece)
    if hasher.digest() == expected:
        return ""
    return f"blob {blob.digest}: {blob.storage_key} has the digest {hasher.digest()}"


def _quarantine(blob: Blob, damage: str, now: datetime, report: Report, *, dry_run: bool) -> None:
    if not damage:
        return
    if not dry_run and not _same(blob).filter(missing_at=None).update(missing_at=now):
        return  # collected or repaired meanwhile
    report.add_problem(damage if dry_run else f"{damage}; hidden until it is pushed again")


def _same(blob: Blob) -> QuerySet[Blob]:
    return Blob.objects.filter(pk=blob.pk, storage_key=blob.storage_key)

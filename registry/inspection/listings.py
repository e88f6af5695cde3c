"""Files of layers that take long to list: asked for by pages, listed by a job, kept as rows.

One layer is listed at a time, whoever shares it, and in few attempts. What is kept may be lost: it
is asked for again.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Exists, F, Q

from artifacts.images.files import Bounds, Patience, files_of
from artifacts.images.packed import PackedFiles
from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown
from registry.blobs.models import Blob, BlobLink
from registry.blobs.services import find_blob, read_blob
from registry.inspection.models import MAX_PROBLEM_LENGTH, Listing

BOUNDS: Final = Bounds(
    files=200_000,  # as many as a page shows in one tree
    names_bytes=16 * 1024 * 1024,
    unpacked_bytes=1024**4,
)
MAX_SECONDS: Final = 600.0
MAX_CPU_SECONDS: Final = 120.0
LEASE: Final = timedelta(minutes=15)  # longer than any attempt takes
MAX_ATTEMPTS: Final = 5
FORGOTTEN_AFTER: Final = timedelta(days=1)  # what could not be read may be asked for again

logger = logging.getLogger(__name__)


def kept_listings(digests: Collection[Digest]) -> Mapping[Digest, Listing]:
    """Those of layers that somebody asked for, without their contents, in one query."""
    rows = Listing.objects.without_content().filter(pk__in=set(map(str, digests)))
    return {Digest.parse(row.pk): row for row in rows}


def files_in(listing: Listing) -> PackedFiles | None:
    """``None`` where they are gone meanwhile."""
    row = Listing.objects.filter(pk=listing.pk, count__gt=0).first()
    return PackedFiles(bytes(row.content), row.count, row.problem) if row else None


def ask_for_listing(digest: Digest, now: datetime) -> bool:
    """Let a job list all files of a layer; whether one will. Asking again changes nothing."""
    if settings.BERTH.is_read_only:
        return False
    row = Listing(digest=str(digest), asked_at=now, due_at=now)
    Listing.objects.bulk_create([row], ignore_conflicts=True)
    return True


def forget_listings(now: datetime) -> int:
    """Delete those of blobs that were collected, and of layers that could not be read long ago."""
    blobs = Blob.objects.values("pk")
    lost = Q(count=0, listed_at__lt=now - FORGOTTEN_AFTER)
    deleted, _ = Listing.objects.filter(~Q(pk__in=blobs) | lost).delete()
    return deleted


def list_next(clock: Callable[[], datetime]) -> bool:
    """List the files of the layer that waits longest; whether there was one that is due.

    Never fails. Does nothing while another layer is being listed.
    """
    now = clock()
    due = Listing.objects.waiting().filter(due_at__lte=now)
    listing = due.without_content().order_by("asked_at", "pk").first()
    if listing is None or not _begin(listing, now):
        return False
    listing.refresh_from_db(fields=["attempts"])
    try:
        _keep(listing, _listed(listing, now), clock())
    except Exception:
        logger.exception("the files of layer %s could not be listed", listing.digest)
        _put_off(listing, clock())
    return True


def _begin(listing: Listing, now: datetime) -> bool:
    """Note that it is tried. Two that begin at the same moment may both go on."""
    others = Exists(Listing.objects.underway(now))
    mine = Listing.objects.waiting().filter(~others, pk=listing.pk, due_at__lte=now)
    return mine.update(is_underway=True, attempts=F("attempts") + 1, due_at=now + LEASE) == 1


def _listed(listing: Listing, now: datetime) -> PackedFiles:
    """Raises whatever keeps the bytes from being read."""
    digest = Digest.parse(listing.digest)
    link = BlobLink.objects.filter(blob=listing.digest).select_related("repository").first()
    if link is None:
        raise BlobUnknown(digest=listing.digest)
    blob = find_blob(repository=link.repository, digest=digest, now=now)
    patience = Patience(max_seconds=MAX_SECONDS, max_cpu_seconds=MAX_CPU_SECONDS)
    pieces = read_blob(blob=blob, start=0, length=blob.size, now=now)
    return PackedFiles.of(files_of(pieces, bounds=BOUNDS, patience=patience))


def _keep(listing: Listing, files: PackedFiles, now: datetime) -> None:
    Listing.objects.waiting().filter(pk=listing.pk).update(
        listed_at=now,
        is_underway=False,
        count=files.count,
        problem=files.problem[:MAX_PROBLEM_LENGTH],
        content=files.content,
    )


def _put_off(listing: Listing, now: datetime) -> None:
    row = Listing.objects.waiting().filter(pk=listing.pk)
    if listing.attempts >= MAX_ATTEMPTS:
        problem = f"it could not be read in {MAX_ATTEMPTS} attempts"
        row.update(listed_at=now, is_underway=False, problem=problem)
    else:
        row.update(is_underway=False, due_at=now + timedelta(minutes=2**listing.attempts))

"""Collect what nobody needs: deleted repositories, old tags, manifests, links, blobs, bytes.

Any number of processes may collect at once, beside any number of pushes. Everywhere the same
happens, in short transactions: choose without a lock; lock the rows that nobody else has
locked; look again; delete. What is skipped now is found by the next run. Bytes go after the
commit that took their row away, and a storage key is never used twice.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from registry.blobs.models import Blob
from registry.gc.manifests import collect_manifests
from registry.gc.reachability import spare_tags, unheld_blobs, unneeded_links
from registry.gc.report import Garbage, Report
from registry.gc.repositories import collect_repositories
from registry.gc.sweeping import delete_garbage, sweep
from registry.storage.select import blob_store

logger = logging.getLogger(__name__)


def collect(*, now: datetime, report: Report) -> None:
    """Everything that the database knows to be garbage at ``now``, from the top down."""
    collect_repositories(now=now, report=report)
    collect_manifests(now=now, report=report)
    collect_tags(now=now, report=report)
    collect_blob_links(now=now, report=report)
    collect_blobs(report=report)


def collect_tags(*, now: datetime, report: Report) -> None:
    """Forget the history that is too old to be restored. The audit trail stays.

    The last tags of a manifest go with it, not before: they say why it cannot be pulled.
    """

    def delete(chosen: Sequence[int]) -> int:
        deleted = delete_garbage(spare_tags(now), chosen, order=("name", "pk"))
        report.add(Garbage.TAG, len(deleted))
        return len(deleted)

    sweep(spare_tags(now), delete, report)


def collect_blob_links(*, now: datetime, report: Report) -> None:
    def delete(chosen: Sequence[int]) -> int:
        deleted = delete_garbage(unneeded_links(now), chosen, order=("blob", "pk"))
        report.add(Garbage.BLOB_LINK, len(deleted))
        return len(deleted)

    sweep(unneeded_links(now), delete, report)


def collect_blobs(*, report: Report) -> None:
    def delete(chosen: Sequence[str]) -> int:
        deleted = delete_garbage(unheld_blobs(), chosen, order=("pk",))
        for blob in deleted:
            _delete_bytes(blob, report)
        return len(deleted)

    sweep(unheld_blobs(), delete, report)


def _delete_bytes(blob: Blob, report: Report) -> None:
    size = 0 if blob.missing_at else blob.size
    try:
        blob_store().delete(blob.storage_key)
    except Exception as error:  # the comparison with the store finds these bytes again
        logger.exception("cannot delete %s", blob.storage_key)
        report.add_problem(f"{blob.storage_key}: {error}")
        size = 0
    report.add(Garbage.BLOB, size_bytes=size)

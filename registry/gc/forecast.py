"""What a collection would free, without freeing it: ``manage.py gc --dry-run``.

Manifests are marked in a temporary table of this connection, so that other work neither
sees nor waits for it, and memory stays flat however many there are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL

from registry.blobs.models import Blob, BlobLink
from registry.gc.reachability import rootless, spare_tags, unneeded_links
from registry.gc.report import Garbage, Report
from registry.gc.sweeping import STRETCH_ROWS, stretches
from registry.manifests.models import Manifest
from registry.repositories.deletion import doomed
from registry.tags.models import Tag

_DOOMED = RawSQL("SELECT id FROM gc_doomed", [])
# What a spared manifest lists, and what refers to it, is spared too.
_SPARE = """
    DELETE FROM gc_doomed WHERE id IN (
        SELECT child.id FROM gc_doomed d
        JOIN manifests_manifest child ON child.id = d.id
        JOIN manifests_manifestchild edge ON edge.child_digest = child.digest
        JOIN manifests_manifest parent
          ON parent.id = edge.parent_id AND parent.repository_id = child.repository_id
        WHERE parent.id NOT IN (SELECT id FROM gc_doomed)
        UNION
        SELECT referrer.id FROM gc_doomed d
        JOIN manifests_manifest referrer ON referrer.id = d.id
        JOIN manifests_manifest subject
          ON subject.repository_id = referrer.repository_id
         AND subject.digest = referrer.subject_digest
        WHERE referrer.deleted_at IS NULL AND subject.id NOT IN (SELECT id FROM gc_doomed)
    )
"""


def forecast(*, now: datetime, report: Report) -> None:
    """Add to ``report`` what ``collect`` at ``now`` would free."""
    with _doomed_manifests(now):
        whole = doomed(now).values("pk")  # repositories, with everything in them
        report.add(Garbage.REPOSITORY, whole.count())
        _count_manifests(whole, report)
        tags = Tag.objects.filter(manifest__in=_DOOMED).exclude(repository__in=whole).count()
        report.add(Garbage.TAG, tags + spare_tags(now).exclude(repository__in=whole).count())
        links = unneeded_links(now, but_by=_DOOMED).exclude(repository__in=whole)
        report.add(Garbage.BLOB_LINK, links.count())
        remaining = BlobLink.objects.filter(blob=OuterRef("pk")).exclude(pk__in=links.values("pk"))
        remaining = remaining.exclude(repository__in=whole)
        blobs = Blob.objects.exclude(Exists(remaining))
        size = Sum("size", filter=Q(missing_at=None), default=0)
        totals = blobs.aggregate(items=Count("pk"), size_bytes=size)
        report.add(Garbage.BLOB, totals["items"], size_bytes=totals["size_bytes"])


@contextmanager
def _doomed_manifests(now: datetime) -> Iterator[None]:
    """Inside, the table ``gc_doomed`` holds the ids of the manifests that nothing keeps."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE gc_doomed (id bigint PRIMARY KEY)")
        try:
            for stretch in stretches(Manifest.objects.all(), STRETCH_ROWS):
                rows = rootless(now).filter(stretch).values("pk")
                statement, parameters = rows.query.sql_with_params()
                cursor.execute(f"INSERT INTO gc_doomed {statement}", parameters)
            spared = 1
            while spared:
                cursor.execute(_SPARE)
                spared = cursor.rowcount
            yield
        finally:
            cursor.execute("DROP TABLE gc_doomed")


def _count_manifests(whole: QuerySet[Any, Any], report: Report) -> None:
    report.add(Garbage.REPOSITORY_MANIFEST, Manifest.objects.filter(repository__in=whole).count())
    others = Manifest.objects.filter(pk__in=_DOOMED).exclude(repository__in=whole)
    counts = others.aggregate(
        deleted=Count("pk", filter=Q(deleted_at__isnull=False)),
        referrers=Count("pk", filter=Q(deleted_at=None) & ~Q(subject_digest="")),
        others=Count("pk", filter=Q(deleted_at=None, subject_digest="")),
    )
    report.add(Garbage.DELETED_MANIFEST, counts["deleted"])
    report.add(Garbage.REFERRER, counts["referrers"])
    report.add(Garbage.MANIFEST, counts["others"])

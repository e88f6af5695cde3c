"""What a collection would free, without freeing it: ``manage.py gc --dry-run``.

Manifests and links are marked in temporary tables of this connection, so that other work neither
sees nor waits for it, and memory stays flat however many there are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.expressions import RawSQL

from registry.gc.reachability import rootless, spare_tags, unneeded_links
from registry.gc.report import Garbage, Report
from registry.gc.sweeping import STRETCH_ROWS, stretches
from registry.manifests.models import Manifest
from registry.repositories.deletion import doomed
from registry.tags.models import Tag

_DOOMED = RawSQL("SELECT id FROM gc_doomed", [])
# What a spared manifest lists, and what refers to it, is spared too.
_SPARE = """
    DELETE FROM gc_rootless WHERE id IN (
        SELECT child.id FROM gc_rootless d
        JOIN manifests_manifest child ON child.id = d.id
        JOIN manifests_manifestchild edge ON edge.child_digest = child.digest
        JOIN manifests_manifest parent
          ON parent.id = edge.parent_id AND parent.repository_id = child.repository_id
        WHERE NOT EXISTS (SELECT 1 FROM gc_rootless o WHERE o.id = parent.id)
        UNION
        SELECT referrer.id FROM gc_rootless d
        JOIN manifests_manifest referrer ON referrer.id = d.id
        JOIN manifests_manifest subject
          ON subject.repository_id = referrer.repository_id
         AND subject.digest = referrer.subject_digest
        WHERE referrer.deleted_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM gc_rootless o WHERE o.id = subject.id)
    )
"""
_LINKS_OF = "INSERT INTO gc_going SELECT id FROM blobs_bloblink WHERE repository_id = %s"
_BLOBS = """
    SELECT COUNT(*), COALESCE(SUM(CASE WHEN b.missing_at IS NULL THEN b.size ELSE 0 END), 0)
    FROM blobs_blob b WHERE NOT EXISTS (
        SELECT 1 FROM blobs_bloblink l WHERE l.blob_id = b.digest
          AND NOT EXISTS (SELECT 1 FROM gc_going g WHERE g.id = l.id))
"""


def forecast(*, now: datetime, report: Report) -> None:
    """Add to ``report`` what ``collect`` at ``now`` would free."""
    with _doomed_manifests(now):
        whole = doomed(now).values("pk")  # repositories, with everything in them
        report.add(Garbage.REPOSITORY, whole.count())
        _count_manifests(whole, report)
        tags = Tag.objects.filter(manifest__in=_DOOMED).exclude(repository__in=whole).count()
        report.add(Garbage.TAG, tags + spare_tags(now).exclude(repository__in=whole).count())
        _count_blobs(whole, now, report)


def _count_blobs(whole: QuerySet[Any, Any], now: datetime, report: Report) -> None:
    """Links are looked at a stretch at a time: asked of each blob whether one of its links is among
    all that go, PostgreSQL looks through these again for each."""
    going = unneeded_links(now, but_by=_DOOMED).exclude(repository__in=whole)
    with _table("gc_going") as cursor:
        _mark(cursor, "gc_going", going)
        cursor.execute("SELECT COUNT(*) FROM gc_going")
        report.add(Garbage.BLOB_LINK, cursor.fetchone()[0])
        for (repository,) in list(whole.values_list("pk")):
            cursor.execute(_LINKS_OF, [repository])
        cursor.execute(_BLOBS)
        items, size_bytes = cursor.fetchone()
        report.add(Garbage.BLOB, items, size_bytes=int(size_bytes))


@contextmanager
def _doomed_manifests(now: datetime) -> Iterator[None]:
    """Inside, the table ``gc_doomed`` holds the ids of the manifests that nothing keeps."""
    with _table("gc_rootless"), _table("gc_doomed") as cursor:
        _mark(cursor, "gc_rootless", rootless(now))
        spared = 1
        while spared:
            cursor.execute(_SPARE)
            spared = cursor.rowcount
        # Into a table that never held the others: PostgreSQL reads past what was deleted.
        cursor.execute("INSERT INTO gc_doomed SELECT id FROM gc_rootless")
        cursor.execute("ANALYZE gc_doomed")
        yield


@contextmanager
def _table(name: str) -> Iterator[Any]:
    """A cursor of the connection that has this temporary table of ids meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {name} (id bigint PRIMARY KEY)")
        try:
            yield cursor
        finally:
            cursor.execute(f"DROP TABLE {name}")


def _mark(cursor: Any, table: str, rows: QuerySet[Any, Any]) -> None:
    for stretch in stretches(rows, STRETCH_ROWS):
        statement, parameters = rows.filter(stretch).values("pk").query.sql_with_params()
        cursor.execute(f"INSERT INTO {table} {statement}", parameters)


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

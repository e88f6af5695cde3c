"""Which rows are needed, asked in the database and a stretch of a table at a time.

Roots are manifests with a tag that is alive or can still be restored, and what was pushed
within the grace. What a root keeps is kept too: an index keeps what it lists, be it manifest
or blob, a manifest keeps its blobs and what refers to it. The *keepers* of a manifest are thus
what lists it and its subject; for a referrer that was deleted by digest only the former.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat, Replace, Substr

from accounts.users.models import Namespace
from artifacts.oci.companions import SUFFIXES
from registry.blobs.models import Blob, BlobLink
from registry.gc.models import holds
from registry.manifests.models import Manifest, ManifestBlob, ManifestChild, ManifestQuerySet
from registry.tags.models import Tag, TagQuerySet
from registry.tags.time_machine import time_machine_of


def grace() -> timedelta:
    """How long what was pushed is kept although nothing needs it yet."""
    return timedelta(seconds=settings.BERTH.PUSH_TEMP_TAG_EXPIRATION_SEC)


def kept_tags(now: datetime) -> TagQuerySet:
    """Tags that are alive, or that the time machine of their organization still holds."""
    tags = Tag.objects.none()
    for seconds in time_machines():
        since = now - time_machine_of(Namespace(tag_expiration_seconds=seconds))
        theirs = Tag.objects.filter(repository__namespace__tag_expiration_seconds=seconds)
        tags |= theirs.kept(since)
    return tags


def time_machines() -> list[int | None]:
    """Lengths that namespaces have, in seconds; ``None`` is that of the configuration."""
    lengths = Namespace.objects.order_by().values_list("tag_expiration_seconds", flat=True)
    return list(lengths.distinct())


def forgotten_tags(now: datetime) -> TagQuerySet:
    """Tags that ended so long ago that they cannot be restored."""
    return Tag.objects.exclude(ended_at=None, expires_at=None).exclude(
        Exists(kept_tags(now).filter(pk=OuterRef("pk")))
    )


def spare_tags(now: datetime) -> TagQuerySet:
    """Forgotten tags whose manifest has other tags that are not."""
    others = kept_tags(now).filter(manifest=OuterRef("manifest"))
    return forgotten_tags(now).filter(Exists(others))


def rootless(now: datetime) -> ManifestQuerySet:
    """Manifests that are no roots. They may be kept by another."""
    # Looked up row by row, by an index: as a join, PostgreSQL compares every manifest with every
    # tag of the last hour, because it knows least about the rows that came last.
    return (
        Manifest.objects.filter(last_pushed_at__lte=now - grace())
        .alias(
            kept=Subquery(kept_tags(now).filter(manifest=OuterRef("pk")).values("pk")[:1]),
            young=Subquery(_young_companions(now).values("pk")[:1]),
        )
        .filter(kept=None, young=None)
    )


def without_keepers(manifests: ManifestQuerySet) -> ManifestQuerySet:
    indexes = Manifest.objects.listing([OuterRef("digest")], repository=OuterRef("repository"))
    subject = Manifest.objects.filter(
        repository=OuterRef("repository"), digest=OuterRef("subject_digest")
    )
    return manifests.exclude(Exists(indexes)).exclude(Q(Exists(subject), deleted_at=None))


def keepers_of(manifest_ids: Iterable[int]) -> set[int]:
    """The ids of the indexes that list manifests of one repository, and of their subjects."""
    manifests = Manifest.objects.filter(pk__in=list(manifest_ids))
    rows = list(manifests.values_list("repository_id", "digest", "subject_digest", "deleted_at"))
    repositories = {repository for repository, *_ in rows}
    parents = ManifestChild.objects.filter(
        parent__repository__in=repositories, child_digest__in={digest for _, digest, *_ in rows}
    )
    subjects = Manifest.objects.filter(
        repository__in=repositories,
        digest__in={subject for _, _, subject, deleted_at in rows if deleted_at is None},
    )
    return {*parents.values_list("parent_id", flat=True), *subjects.values_list("pk", flat=True)}


def in_possible_cycles(manifests: ManifestQuerySet) -> ManifestQuerySet:
    """Of each cycle of keepers at least one manifest.

    Digests see to it that a manifest is made after what it lists and after its subject. So
    whoever goes round from keeper to kept comes by a manifest that has both.
    """
    listed = ManifestChild.objects.filter(parent=OuterRef("pk"))
    return manifests.exclude(subject_digest="").filter(Exists(listed))


def unneeded_links(now: datetime, *, but_by: Any = ()) -> QuerySet[BlobLink]:
    """Blobs in repositories where no manifest names them, but those with the keys ``but_by``."""
    old = BlobLink.objects.filter(last_pushed_at__lte=now - grace())
    others = Manifest.objects.exclude(pk__in=but_by)
    _, listing, about = others.naming(OuterRef("blob"), repository=OuterRef("repository"))
    needing = ManifestBlob.objects.filter(link=OuterRef("pk")).exclude(manifest__in=but_by)
    # Row by row, as ``rootless`` does.
    return (
        old.exclude(Exists(needing))
        .alias(
            listing=Subquery(listing.values("pk")[:1]),
            about=Subquery(about.values("pk")[:1]),
        )
        .filter(listing=None, about=None)
    )


def unheld_blobs(now: datetime) -> QuerySet[Blob]:
    """None while somebody copies the registry."""
    unlinked = Blob.objects.exclude(Exists(BlobLink.objects.filter(blob=OuterRef("pk"))))
    return unlinked.exclude(Exists(holds(now)))


def _young_companions(now: datetime) -> TagQuerySet:
    """Tags of signatures and the like that came a moment ago: their subject stays as long."""
    named = Replace(OuterRef("digest"), Value(":"), Value("-"))
    names = [Concat(Substr(named, 1, 71), Value(suffix)) for suffix in SUFFIXES]
    young = Tag.objects.live().filter(started_at__gt=now - grace())
    return young.filter(repository=OuterRef("repository"), name__in=names)

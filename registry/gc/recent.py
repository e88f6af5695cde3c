"""What may have become garbage since a moment, found without going through the tables.

A row becomes garbage when a time is over, which indexes of moments tell, or when what kept it
goes, which is noted while it goes. All of these are candidates only: whether they are garbage is
asked of each as ever, under its lock. What is missed here takes room until the next walk through
everything, and that is all.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from accounts.users.models import Namespace
from artifacts.batches import batched
from artifacts.oci.companions import subject_of
from registry.blobs.models import BlobLink
from registry.gc.reachability import grace, keepers_of, time_machines
from registry.gc.sweeping import STRETCH_ROWS, TooMany
from registry.manifests.models import Manifest, ManifestChild
from registry.tags.models import Tag
from registry.tags.time_machine import time_machine_of

MOST: Final = 100_000  # of each kind, held in memory


@dataclass(slots=True)
class Candidates:
    """Keys of rows. What goes adds to them what it may have kept."""

    manifests: set[int] = field(default_factory=set)
    tags: set[int] = field(default_factory=set)
    links: set[int] = field(default_factory=set)
    blobs: set[str] = field(default_factory=set)

    def add_below(self, manifests: Iterable[Manifest]) -> None:
        """What manifests keep that are about to go. Raises ``TooMany``."""
        rows = list(manifests)
        ids = [row.pk for row in rows]
        repositories = {row.repository_id for row in rows}
        digests = {row.digest for row in rows}
        listed = ManifestChild.objects.filter(parent__in=ids).values_list("child_digest", flat=True)
        named = {*listed, *(row.subject_digest for row in rows if row.subject_digest)}
        here = Manifest.objects.filter(repository__in=repositories)
        links = BlobLink.objects.filter(repository__in=repositories)
        for part in batched(sorted(named), STRETCH_ROWS):
            _add(self.manifests, here.filter(digest__in=part))
            _add(self.links, links.filter(blob__in=part))
        _add(self.manifests, here.filter(subject_digest__in=digests).exclude(subject_digest=""))
        _add(self.links, BlobLink.objects.filter(manifests__manifest__in=ids))


def candidates(*, since: datetime, now: datetime) -> Candidates:
    """Rows of which some time ended in ``(since, now]``, and those next to them.

    Raises ``TooMany``.
    """
    rows = Candidates()
    pushed = _between("last_pushed_at", since - grace(), now - grace())
    _add(rows.manifests, Manifest.objects.filter(pushed))
    _add(rows.links, BlobLink.objects.filter(pushed))
    _add(rows.manifests, Manifest.objects.filter(_between("deleted_at", since, now)))
    for seconds in time_machines():
        length = time_machine_of(Namespace(tag_expiration_seconds=seconds))
        tags = Tag.objects.filter(repository__namespace__tag_expiration_seconds=seconds)
        for over in (
            tags.filter(_between("ended_at", since - length, now - length)),
            tags.live().filter(_between("expires_at", since - length, now - length)),
        ):
            _add(rows.tags, over)
            _add(rows.manifests, over, "manifest_id")
    for part in batched(sorted(rows.manifests), STRETCH_ROWS):
        _add(rows.manifests, _subjects_of_companions(part))
    return rows


def above(manifests: Iterable[int]) -> set[int]:
    """All that keeps these manifests, be it through others. Raises ``TooMany``."""
    keepers: set[int] = set()
    new = set(manifests)
    while new:
        level: set[int] = set()
        for part in batched(sorted(new), STRETCH_ROWS):
            level |= keepers_of(part)
        new = level - keepers
        keepers |= new
        if len(keepers) > MOST:
            raise TooMany
    return keepers


def stretches_of(keys: Iterable[Any]) -> Iterator[Q]:
    """As ``stretches`` cuts a table, of rows with these keys."""
    for page in batched(sorted(keys), STRETCH_ROWS):
        yield Q(pk__in=page)


def _between(column: str, after: datetime, until: datetime) -> Q:
    return Q(**{f"{column}__gt": after, f"{column}__lte": until})


def _add(keys: set[Any], rows: QuerySet[Any, Any], column: str = "pk") -> None:
    keys.update(rows.order_by().values_list(column, flat=True)[: MOST + 1])
    if len(keys) > MOST:
        raise TooMany


def _subjects_of_companions(manifests: list[int]) -> QuerySet[Manifest]:
    """What stayed because its signature was young goes when that is no longer so."""
    tags = list(
        Tag.objects.live()
        .companions()
        .filter(manifest__in=manifests)
        .values_list("repository_id", "name")
    )
    return Manifest.objects.filter(
        repository__in={repository for repository, _ in tags},
        digest__in={subject for _, name in tags if (subject := subject_of(name))},
    )

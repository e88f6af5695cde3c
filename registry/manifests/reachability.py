"""Whether a manifest whose own tags ended can still be pulled by its digest."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag

_ROWS_PER_QUERY = 500  # SQLite and PostgreSQL both limit the parameters of a statement

Row = tuple[int, str, str]  # id, digest, digest of the subject


def is_abandoned(*, repository: Repository, manifest_id: int, now: datetime) -> bool:
    """Whether every way to the manifest ends in tags that ended.

    A manifest is given up with its last tag. It is not when it was never tagged, or was
    pushed again after its tags ended, or when something that is not given up leads to it:
    an index that lists it, or the manifest that it refers to as its subject.
    """
    present = Manifest.objects.present().filter(repository=repository.id)
    level = list(_rows(Manifest.objects.filter(pk=manifest_id)))
    seen: set[int] = set()
    while level:
        ids = {pk for pk, _, _ in level}
        if not _are_given_up(ids, now):
            return False
        seen |= ids
        level = [row for row in _above(present, level) if row[0] not in seen]
    return True


def _above(present: QuerySet[Manifest], level: Sequence[Row]) -> list[Row]:
    """What leads to the manifests of a level: the indexes that list them, and their subjects."""
    found: dict[int, Row] = {}
    for part in _batches(level):
        digests = [digest for _, digest, _ in part]
        subjects = [subject for _, _, subject in part if subject]
        # Two statements, each with an index of its own, rather than one that reads all.
        for leading in (Q(children__child_digest__in=digests), Q(digest__in=subjects)):
            found |= {row[0]: row for row in _rows(present.filter(leading))}
    return list(found.values())


def _are_given_up(manifests: Iterable[int], now: datetime) -> bool:
    """Whether all of them were let go with their last tag."""
    dead = Tag.objects.filter(manifest=OuterRef("pk")).filter(
        Q(ended_at__gt=OuterRef("last_pushed_at"))
        | Q(ended_at=None, expires_at__lte=now, expires_at__gt=OuterRef("last_pushed_at"))
    )
    alive = Tag.objects.alive(at=now).filter(manifest=OuterRef("pk"))
    held = Manifest.objects.filter(Exists(alive) | ~Exists(dead))
    return not any(held.filter(pk__in=part).exists() for part in _batches(sorted(manifests)))


def _rows(manifests: QuerySet[Manifest]) -> Iterator[Row]:
    yield from manifests.values_list("pk", "digest", "subject_digest")


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[i : i + _ROWS_PER_QUERY] for i in range(0, len(items), _ROWS_PER_QUERY))

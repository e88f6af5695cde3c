"""Whether, and until when, a manifest whose own tags ended can still be pulled by its digest."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from accounts import statements
from accounts.users.models import Namespace
from artifacts.batches import batched
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.tags.time_machine import time_machine_of

_MOST_WALKED = 5000  # manifests above one; what so many lead to counts as held

# Whether the manifest ``m`` was let go with its last tag, and not pushed again since. Takes the
# moment once.
GIVEN_UP = """
    NOT EXISTS (
        SELECT 1 FROM tags_tag t WHERE t.manifest_id = m.id AND t.ended_at IS NULL
           AND (t.expires_at IS NULL OR t.expires_at > %s)
    ) AND EXISTS (
        SELECT 1 FROM tags_tag t WHERE t.manifest_id = m.id AND (
            t.ended_at > m.last_pushed_at
            OR t.ended_at IS NULL AND t.expires_at > m.last_pushed_at
        )
    )
"""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The tag that moved on and left a manifest behind, which can be pulled ``until`` then."""

    tag: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """``is_held``: something leads to it that is not given up. Else perhaps ``superseded``."""

    is_held: bool
    superseded: Superseded | None = None


@dataclass(frozen=True, slots=True)
class Node:
    id: int
    digest: str
    subject_digest: str


def is_abandoned(*, repository: Repository, manifest_id: int, now: datetime) -> bool:
    """Whether a manifest cannot be pulled any more: every way to it ends in tags that ended."""
    nodes = list(_nodes(Manifest.objects.filter(pk=manifest_id)))
    standing = standing_of(repository=repository, nodes=nodes, now=now)
    return not standing.is_held and standing.superseded is None


def standing_of(*, repository: Repository, nodes: Sequence[Node], now: datetime) -> Standing:
    """How a manifest can be pulled; of several, the best of them.

    A manifest is given up with its last tag. It is not when it was never tagged, or was
    pushed again after its tags ended, or when something that is not given up leads to it:
    an index that lists it, or the manifest that it refers to as its subject. What a tag
    left behind that moved on is given up later, with what it leads to.
    """
    level, seen = nodes, set[int]()
    best: Superseded | None = None
    while level:
        ids = {node.id for node in level}
        if not _are_given_up(ids, now):
            return Standing(is_held=True)
        candidates = superseded_among(ids, now=now).values()
        best = max(
            (*candidates, *([best] if best else ())), key=lambda one: one.until, default=None
        )
        seen |= ids
        if len(seen) > _MOST_WALKED:
            return Standing(is_held=True)
        level = [node for node in _above(repository, level) if node.id not in seen]
    return Standing(is_held=False, superseded=best)


def superseded_among(manifests: Collection[int], *, now: datetime) -> Mapping[int, Superseded]:
    """Those of the manifests, all of them given up, that the time machine holds for pulls.

    The last of its tags to end decides about a manifest: it moved on. Had it been deleted, or
    expired, so would be the manifest. An expiry that a tag had when it moved still counts.
    """
    if not settings.BERTH.FEATURE_PULL_SUPERSEDED:
        return {}
    superseded: dict[int, Superseded] = {}
    for part in batched(sorted(manifests), statements.ROWS_AT_ONCE):
        moved = Tag.objects.filter(manifest__in=part).moved_last(now)
        rows = moved.order_by("ended_at", "pk").values_list(
            "manifest_id",
            "name",
            "ended_at",
            "expires_at",
            "repository__namespace__tag_expiration_seconds",
        )
        for pk, name, ended_at, expires_at, seconds in rows.iterator():
            if ended_at is None:
                continue
            until = ended_at + time_machine_of(Namespace(tag_expiration_seconds=seconds))
            until = min(until, expires_at or until)
            if until > now and (pk not in superseded or superseded[pk].until <= until):
                superseded[pk] = Superseded(name, until)
    return superseded


def _above(repository: Repository, level: Sequence[Node]) -> list[Node]:
    """What leads to the manifests of a level: the indexes that list them, and their subjects."""
    present = Manifest.objects.present()
    nodes: dict[int, Node] = {}
    for part in batched(level, statements.ROWS_AT_ONCE):
        digests = [node.digest for node in part]
        subjects = [node.subject_digest for node in part if node.subject_digest]
        # Two statements, each with an index of its own, rather than one that reads all.
        listing = present.listing(digests, repository=repository.id)
        about = present.filter(repository=repository.id, digest__in=subjects)
        for leading in (listing, about):
            nodes |= {node.id: node for node in _nodes(leading)}
    return list(nodes.values())


def _are_given_up(manifests: Iterable[int], now: datetime) -> bool:
    """Whether all of them are."""
    for part in batched(sorted(manifests), statements.ROWS_AT_ONCE):
        places = statements.places(len(part))
        statement = (
            f"SELECT 1 FROM manifests_manifest m WHERE m.id IN ({places})"  # noqa: S608
            f" AND NOT ({GIVEN_UP}) LIMIT 1"
        )
        if statements.rows(statement, [*part, now]):
            return False
    return True


def _nodes(manifests: QuerySet[Manifest]) -> Iterator[Node]:
    for row in manifests.values_list("pk", "digest", "subject_digest"):
        yield Node(*row)

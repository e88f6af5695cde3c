"""Which manifests can no longer be pulled when retention has removed their tags.

Signatures and the like go with such a manifest, and not before. It is held by a tag that
stays, and by whatever leads to it: an index that lists it, its own subject, or, where it is a
signature itself, the manifest that its companion tag names. It goes when none of these is held
and retention took away the last tag that held it. Manifests that lost their last tag in
another way are left to garbage collection, and so are those that were never tagged.

This is ``is_abandoned`` of the manifests room, asked about what will be.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import F, Q

from artifacts.batches import batched
from artifacts.oci.companions import beginning_of
from registry.manifests.models import Manifest, ManifestChild
from registry.manifests.standing import superseded_among
from registry.repositories.models import Repository
from registry.retention.facts import COLUMNS, facts_of_row
from registry.retention.rules import Plan
from registry.tags.models import EndReason, Tag

_ROWS_PER_QUERY = 200
_OURS = frozenset({EndReason.RETENTION, EndReason.SUBJECT})


class _Row(NamedTuple):
    id: int
    digest: str
    subject_digest: str
    last_pushed_at: datetime


def departing(*, repository: Repository, subjects: Collection[str], plan: Plan) -> frozenset[str]:
    """Those of ``subjects`` that go when what ``plan`` removes is removed, or go already.

    A subject is given by the beginning of its digest, as companion tags name it.
    """
    if not subjects or not plan.rules:
        return frozenset()
    walk = _Walk(repository, plan)
    manifests = walk.manifests(subjects)
    walk.up_from(manifests)
    return frozenset(beginning_of(row.digest) for row in manifests if walk.goes(row.id))


def begin_with(subjects: Iterable[str]) -> Q:
    """Manifests whose digests begin so. Of sha256 these are whole digests."""
    whole = [text for text in subjects if text.startswith("sha256:")]
    condition = Q(digest__in=whole)
    for text in set(subjects).difference(whole):
        condition |= Q(digest__gte=text, digest__lt=text + "g")  # "g" comes after all hex digits
    return condition


class _Walk:
    """From manifests up to what holds them, a level of many manifests at a time."""

    def __init__(self, repository: Repository, plan: Plan) -> None:
        self._plan = plan
        self._present = Manifest.objects.present().filter(repository=repository.id)
        self._seen: set[int] = set()
        self._held: set[int] = set()
        self._lost: set[int] = set()  # retention takes their last tag, or took it
        self._keepers: dict[int, set[int]] = defaultdict(set)

    def manifests(self, subjects: Iterable[str]) -> list[_Row]:
        batches = batched(sorted(subjects), _ROWS_PER_QUERY)
        return [row for part in batches for row in _rows(self._present.filter(begin_with(part)))]

    def up_from(self, level: Sequence[_Row]) -> None:
        while level:
            self._seen |= {row.id for row in level}
            above: dict[int, _Row] = {}
            for part in batched(level, _ROWS_PER_QUERY):
                named = self._look_at_tags(part)
                loose = [row for row in part if row.id not in self._held]
                above |= self._above(loose, named)
            level = [row for row in above.values() if row.id not in self._seen]

    def goes(self, manifest_id: int) -> bool:
        reached: set[int] = set()
        new = {manifest_id}
        while new:
            reached |= new
            new = {keeper for pk in new for keeper in self._keepers[pk]} - reached
        return not reached & self._held and bool(reached & self._lost)

    def _look_at_tags(self, level: Sequence[_Row]) -> dict[int, set[str]]:
        """Settle which manifests are held by a tag; return what companion tags on them name."""
        rows = {row.id: row for row in level}
        named: dict[int, set[str]] = defaultdict(set)
        tagged: set[int] = set()
        alive = Tag.objects.alive(at=self._plan.now).filter(manifest__in=rows)
        for pk, *columns in alive.values_list("manifest_id", *COLUMNS).iterator():
            tagged.add(pk)
            tag = facts_of_row(columns)
            if tag.subject and not tag.is_immutable:
                named[pk].add(tag.subject)
            elif self._plan.decide(tag).is_kept or self._plan.now <= rows[pk].last_pushed_at:
                self._held.add(pk)
            else:
                self._lost.add(pk)
        self._held |= rows.keys() - tagged - self._look_at_history(rows)
        return named

    def _look_at_history(self, manifests: Iterable[int]) -> set[int]:
        """Manifests whose tags ended after their last push: nobody holds them by pushing. But
        for those that a tag left behind which moved on."""
        tags = Tag.objects.filter(manifest__in=list(manifests))
        pushed = F("manifest__last_pushed_at")
        ended = tags.filter(ended_at__gt=pushed).values_list("manifest_id", "end_reason").distinct()
        given_up = set()
        for pk, reason in ended.order_by("manifest_id", "end_reason"):
            given_up.add(pk)
            if reason in _OURS:
                self._lost.add(pk)
        expired = tags.expired(at=self._plan.now).filter(expires_at__gt=pushed)
        given_up |= set(expired.values_list("manifest_id", flat=True))
        return given_up - superseded_among(given_up, now=self._plan.now).keys()

    def _above(self, level: Sequence[_Row], named: dict[int, set[str]]) -> dict[int, _Row]:
        """What leads to the manifests of a level; what is named and not here holds as well."""
        ids = {row.digest: row.id for row in level}
        edges = ManifestChild.objects.filter(
            parent__in=self._present, child_digest__in=list(ids)
        ).values_list("child_digest", "parent_id")
        leading: dict[int, set[int]] = defaultdict(set)  # keeper -> what it keeps
        for digest, parent in edges:
            leading[parent].add(ids[digest])
        above = {row.id: row for row in _rows(self._present.filter(pk__in=list(leading)))}
        for row in _rows(self._present.filter(digest__in={row.subject_digest for row in level})):
            above[row.id] = row
            leading[row.id] |= {other.id for other in level if other.subject_digest == row.digest}
        wanted = {name for row in level for name in named[row.id]}
        by_name = {beginning_of(row.digest): row for row in self.manifests(wanted)}
        for row in level:
            for name in named[row.id]:
                if (subject := by_name.get(name)) is None:
                    self._held.add(row.id)
                else:
                    above[subject.id] = subject
                    leading[subject.id].add(row.id)
        for keeper, kept in leading.items():
            for pk in kept:
                self._keepers[pk].add(keeper)
        return above


def _rows(manifests: Any) -> Iterator[_Row]:
    columns = manifests.values_list("pk", "digest", "subject_digest", "last_pushed_at")
    return (_Row(*row) for row in columns)

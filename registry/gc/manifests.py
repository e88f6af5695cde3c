"""Collect manifests that no tag reaches, and what is attached to them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction

from artifacts.oci.companions import companion_names
from registry.gc.reachability import (
    grace,
    in_possible_cycles,
    keepers_of,
    rootless,
    without_keepers,
)
from registry.gc.recent import Candidates, above, stretches_of
from registry.gc.report import Garbage, Report
from registry.gc.sweeping import locked, sweep
from registry.manifests.models import Manifest, ManifestQuerySet
from registry.tags.models import EndReason, Tag
from registry.tags.services import end_tag

_MOST_KEEPERS = 1000  # of one manifest in a cycle
_COLUMNS = ("repository_id", "digest", "subject_digest", "deleted_at")


def collect_manifests(*, now: datetime, report: Report, among: Candidates | None = None) -> None:
    """From the top: what an index or a subject keeps goes after it, in the same run.

    Args:
        among: the only ones to look at, and what those keep that go. Raises ``TooMany``.
    """

    def delete(keys: Sequence[int]) -> int:
        with transaction.atomic(durable=True):
            gone = _delete(keys, without_keepers(rootless(now)), now, among)
        return _tell(gone, report)

    def open_cycles(keys: Sequence[int]) -> int:
        return sum(_tell(_open_cycle(pk, now, among), report) for pk in keys)

    deleted = 1
    while deleted:
        if among is None:
            deleted = sweep(without_keepers(rootless(now)), delete, report)
            deleted += sweep(in_possible_cycles(rootless(now)), open_cycles, report)
            continue
        keys, among.manifests = among.manifests, set()
        parts = stretches_of(keys)
        deleted = sweep(without_keepers(rootless(now)), delete, report, parts)
        parts = stretches_of(keys | above(keys))
        deleted += sweep(in_possible_cycles(rootless(now)), open_cycles, report, parts)


def _delete(
    keys: Collection[int], garbage: ManifestQuerySet, now: datetime, among: Candidates | None
) -> list[Garbage]:
    """Delete those of ``keys`` that still are ``garbage``; return what went."""
    locked_keys = locked(Manifest.objects.filter(pk__in=keys).order_by("pk"))
    rows = {row.pk: row for row in garbage.filter(pk__in=locked_keys).only(*_COLUMNS)}
    for pk in _with_tags_of_others(rows):
        rows.pop(pk, None)
    ended = [pk for manifest in rows.values() for pk in _end_companions(manifest, now)]
    if among is not None:
        among.add_below(rows.values())
        among.manifests.update(ended)
    tags = Tag.objects.filter(manifest__in=list(rows)).count()
    Manifest.objects.filter(pk__in=list(rows)).only("pk").delete()
    return [
        *map(_kind, rows.values()),
        *[Garbage.COMPANION_TAG] * len(ended),
        *[Garbage.TAG] * tags,
    ]


def _tell(gone: Sequence[Garbage], report: Report) -> int:
    for garbage in gone:
        report.add(garbage)
    return len(gone)


def _with_tags_of_others(manifests: Collection[int]) -> list[int]:
    """Manifests of which somebody else has locked a tag, whatever for."""
    tags = Tag.objects.filter(manifest__in=list(manifests))
    locked_keys = locked(tags.order_by("name", "pk"))
    return list(tags.exclude(pk__in=locked_keys).values_list("manifest_id", flat=True))


def _end_companions(subject: Manifest, now: datetime) -> list[int]:
    """What is attached to a manifest by a tag goes after it, unless the tag is immutable.

    Returns the manifest of each tag that ended.
    """
    names = companion_names(subject.digest)
    tags = Tag.objects.live().filter(repository=subject.repository_id, name__in=names)
    tags = tags.filter(is_immutable=False, started_at__lte=now - grace())
    # Not the subject's own: its row goes in this transaction.
    locked_keys = locked(tags.exclude(manifest=subject).order_by("name"))
    ended = list(tags.filter(pk__in=locked_keys).order_by("name"))
    for tag in ended:
        end_tag(tag=tag, reason=EndReason.SUBJECT, now=now)
    return [tag.manifest_id for tag in ended]


def _kind(manifest: Manifest) -> Garbage:
    if manifest.deleted_at:
        return Garbage.DELETED_MANIFEST
    return Garbage.REFERRER if manifest.subject_digest else Garbage.MANIFEST


def _open_cycle(pk: int, now: datetime, among: Candidates | None) -> list[Garbage]:
    """Delete a manifest that is kept by itself alone, by way of others that are no roots either.

    All of them are locked, so that none becomes a root between look and delete.
    """
    above = _all_keepers(pk)
    if pk not in above:
        return []
    with transaction.atomic(durable=True):
        locked_keys = set(locked(Manifest.objects.filter(pk__in=above).order_by("pk")))
        if locked_keys != above or _all_keepers(pk) != above:
            return []
        if rootless(now).filter(pk__in=above).count() != len(above):
            return []
        return _delete([pk], rootless(now), now, among)


def _all_keepers(pk: int) -> set[int]:
    """Keepers of keepers, all the way up; empty when there are too many to hold."""
    keepers: set[int] = set()
    new = keepers_of([pk])
    while new:
        keepers |= new
        if len(keepers) > _MOST_KEEPERS:
            return set()
        new = keepers_of(new) - keepers
    return keepers

"""Collect what nobody needs: deleted repositories, old tags, manifests, links, blobs, bytes.

Any number of processes may collect at once, beside any number of pushes. Everywhere the same
happens, in short transactions: choose without a lock; lock the rows that nobody else has
locked; look again; delete. What is skipped now is found by the next run. Bytes go after the
commit that took their row away, and a storage key is never used twice.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import ForeignObjectRel, Model, QuerySet, RestrictedError

from registry.blobs.models import Blob, BlobLink
from registry.gc.manifests import collect_manifests
from registry.gc.models import Checkpoint, holds
from registry.gc.reachability import spare_tags, unheld_blobs, unneeded_links
from registry.gc.recent import Candidates, candidates, stretches_of
from registry.gc.report import Garbage, Report
from registry.gc.sweeping import BATCH_ROWS, TooMany, delete_garbage, locked, sweep
from registry.manifests.models import Manifest
from registry.repositories.deletion import begin_removal, doomed
from registry.repositories.models import Repository
from registry.rows.connections import rest
from registry.storage.select import blob_store
from registry.tags.models import Tag

logger = logging.getLogger(__name__)

WHOLE_EVERY: Final = timedelta(hours=24)
OVERLAP: Final = timedelta(hours=1)
"""For transactions that were open at the last run, and for rows that it found locked."""

_LAST: Final = "collect"
_WHOLE: Final = "collect whole"
_IN_ORDER: tuple[type[Model], ...] = (Tag, Manifest, BlobLink)  # what points at others goes first


def collect(*, now: datetime, report: Report) -> None:
    """Everything that the database knows to be garbage at ``now``, from the top down."""
    collect_repositories(now=now, report=report)
    collect_manifests(now=now, report=report)
    collect_tags(now=now, report=report)
    collect_blob_links(now=now, report=report)
    collect_blobs(now=now, report=report)


def collect_recent(*, since: datetime, now: datetime, report: Report) -> None:
    """What became garbage after ``since``, a moment at which all garbage was collected.

    Left to ``collect`` is what no time and no deletion here tells: what a shorter time machine or
    grace lets go, blobs that somebody took out of a repository, and what was locked.

    Raises ``TooMany``.
    """
    has_doomed = doomed(now).exists()
    collect_repositories(now=now, report=report)
    among = candidates(since=since, now=now)
    collect_manifests(now=now, report=report, among=among)
    collect_tags(now=now, report=report, among=among)
    collect_blob_links(now=now, report=report, among=among)
    # Those of whole repositories are not noted one by one.
    collect_blobs(now=now, report=report, among=None if has_doomed else among)


def collect_due(*, now: datetime, report: Report) -> None:
    """What became garbage since the last run, and once in ``WHOLE_EVERY`` everything.

    Nothing while somebody copies the registry: what could not go then would not be found again.
    """
    if holds(now).exists():
        return
    last, whole = _moment(_LAST), _moment(_WHOLE)
    if last and whole and now - WHOLE_EVERY < whole <= last <= now:
        try:
            collect_recent(since=last - OVERLAP, now=now, report=report)
        except TooMany:
            logger.info("much became garbage lately: all manifests and blobs are looked at")
        else:
            _note(_LAST, now=now)
            return
    collect(now=now, report=report)
    _note(_LAST, _WHOLE, now=now)


def collect_repositories(*, now: datetime, report: Report) -> None:
    """Those that cannot be undeleted any more, with everything in them."""
    for repository in list(doomed(now).order_by("pk")):
        try:
            _remove(repository, now, report)
        except Exception as error:  # the others are not to wait for one that is broken
            logger.exception("cannot remove the deleted repository %s", repository.path)
            report.add_problem(f"{repository.path}: {error}")


def collect_tags(*, now: datetime, report: Report, among: Candidates | None = None) -> None:
    """Forget the history that is too old to be restored. The audit trail stays.

    The last tags of a manifest go with it, not before: they say why it cannot be pulled.
    """

    def delete(keys: Sequence[int]) -> int:
        deleted = delete_garbage(spare_tags(now), keys, order=("name", "pk"))
        report.add(Garbage.TAG, len(deleted))
        return len(deleted)

    sweep(spare_tags(now), delete, report, stretches_of(among.tags) if among else None)


def collect_blob_links(*, now: datetime, report: Report, among: Candidates | None = None) -> None:
    def delete(keys: Sequence[int]) -> int:
        deleted = delete_garbage(unneeded_links(now), keys, order=("blob", "pk"))
        report.add(Garbage.BLOB_LINK, len(deleted))
        if among is not None:
            among.blobs.update(link.blob_id for link in deleted)
        return len(deleted)

    sweep(unneeded_links(now), delete, report, stretches_of(among.links) if among else None)


def collect_blobs(*, now: datetime, report: Report, among: Candidates | None = None) -> None:
    def delete(keys: Sequence[str]) -> int:
        deleted = delete_garbage(unheld_blobs(now), keys, order=("pk",))
        for blob in deleted:
            _delete_bytes(blob, report)
        return len(deleted)

    sweep(unheld_blobs(now), delete, report, stretches_of(among.blobs) if among else None)


def _moment(name: str) -> datetime | None:
    noted = Checkpoint.objects.filter(name=name).values_list("after", flat=True).first()
    return datetime.fromisoformat(noted) if noted else None


def _note(*names: str, now: datetime) -> None:
    """Unless a copy of the registry was begun meanwhile, which kept bytes from going."""
    if holds(now).exists():
        return
    for name in names:
        Checkpoint.objects.update_or_create(name=name, defaults={"after": now.isoformat()})


def _remove(repository: Repository, now: datetime, report: Report) -> None:
    if not begin_removal(repository=repository, now=now):
        return
    for rows in _content(repository):
        if not _empty(rows, report):
            return  # left to the next run
    with transaction.atomic(durable=True):
        # Locked, it takes no new content; what a push brought since is left to the next run.
        locked_keys = locked(Repository.deleted.filter(pk=repository.pk))
        if not locked_keys or any(rows.exists() for rows in _content(repository)):
            return
        repository.delete()
    report.add(Garbage.REPOSITORY)


def _content(repository: Repository) -> Iterator[QuerySet[Any]]:
    """The rows of every table that belong to a repository."""
    relations = {
        field.related_model: field.field.name
        for field in Repository._meta.get_fields(include_hidden=True)
        if isinstance(field, ForeignObjectRel)
    }
    others = relations.keys() - set(_IN_ORDER)
    for model in (*_IN_ORDER, *sorted(others, key=str)):
        yield model._base_manager.filter(**{relations[model]: repository.pk})


def _empty(rows: QuerySet[Any], report: Report) -> bool:
    """Delete ``rows`` batch by batch; ``False`` when somebody has locked or needs some of them."""
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH_ROWS]):
        begun = time.monotonic()
        try:
            with transaction.atomic(durable=True):
                locked_keys = locked(rows.filter(pk__in=keys).order_by("pk"))
                rows.filter(pk__in=locked_keys).delete()
        except RestrictedError:  # a late push brought what needs them
            return False
        if rows.model is Manifest:
            report.add(Garbage.REPOSITORY_MANIFEST, len(locked_keys))
        if len(locked_keys) < len(keys):
            return False
        rest(begun)
    return True


def _delete_bytes(blob: Blob, report: Report) -> None:
    size = 0 if blob.missing_at else blob.size
    try:
        blob_store().delete(blob.storage_key)
    except Exception as error:  # the comparison with the store finds these bytes again
        logger.exception("cannot delete %s", blob.storage_key)
        report.add_problem(f"{blob.storage_key}: {error}")
        size = 0
    report.add(Garbage.BLOB, size_bytes=size)

"""Remove deleted repositories that cannot be undeleted any more, in short transactions."""

import logging
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import ForeignObjectRel, Model, QuerySet

from registry.blobs.models import BlobLink
from registry.gc.report import Garbage, Report
from registry.gc.sweeping import BATCH_ROWS, locked
from registry.manifests.models import Manifest
from registry.queue.pace import rest
from registry.repositories.deletion import begin_removal, doomed
from registry.repositories.models import Repository
from registry.tags.models import Tag

logger = logging.getLogger(__name__)

_IN_ORDER: tuple[type[Model], ...] = (Tag, Manifest, BlobLink)  # what points at others goes first


def collect_repositories(*, now: datetime, report: Report) -> None:
    for repository in list(doomed(now).order_by("pk")):
        try:
            _remove(repository, now, report)
        except Exception as error:  # the others are not to wait for one that is broken
            logger.exception("cannot remove the deleted repository %s", repository.path)
            report.add_problem(f"{repository.path}: {error}")


def _remove(repository: Repository, now: datetime, report: Report) -> None:
    if not begin_removal(repository=repository, now=now):
        return
    for rows in _content(repository):
        if not _empty(rows, report):
            return  # somebody has locked some of it: left to the next run
    with transaction.atomic(durable=True):
        # Locked, it takes no new content; what a push brought since is left to the next run.
        held = locked(Repository.deleted.filter(pk=repository.pk))
        if not held or any(rows.exists() for rows in _content(repository)):
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
    """Delete ``rows`` batch by batch; ``False`` when somebody has locked some of them."""
    while chosen := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH_ROWS]):
        begun = time.monotonic()
        with transaction.atomic(durable=True):
            held = locked(rows.filter(pk__in=chosen).order_by("pk"))
            rows.filter(pk__in=held).delete()
        if rows.model is Manifest:
            report.add(Garbage.REPOSITORY_MANIFEST, len(held))
        if len(held) < len(chosen):
            return False
        rest(begun)
    return True

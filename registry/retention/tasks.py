"""Apply the rules everywhere, in each repository once within a while: the job of retention."""

import logging
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.db import IntegrityError
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import statements
from registry.repositories.models import Repository
from registry.retention import services
from registry.retention.models import RetentionRule

logger = logging.getLogger(__name__)

BATCH_REPOSITORIES = 20

_TAKE = """
    INSERT INTO retention_retentionrun (repository_id, last_run_at) VALUES (%s, %s)
    ON CONFLICT (repository_id) DO UPDATE SET last_run_at = excluded.last_run_at
    WHERE retention_retentionrun.last_run_at <= %s
"""


@shared_task(name="retention.run", acks_late=True, ignore_result=True)
def run(**_: object) -> None:
    """Apply rules that are due, in some repositories per run. Safe to run twice, even at once."""
    done = sweep(now=timezone.now(), limit=BATCH_REPOSITORIES)
    if done == BATCH_REPOSITORIES:
        run.delay()


def sweep(*, now: datetime, limit: int) -> int:
    """Run in at most ``limit`` repositories that are due; return in how many."""
    if not settings.BERTH.FEATURE_AUTO_PRUNE:
        return 0
    ours = 0
    for repository in list(_due(now).select_related("namespace")[:limit]):
        if not _take(repository, now):
            continue
        ours += 1
        try:
            outcome = services.run(repository=repository, now=now)
            logger.debug("retention of %s: %s", repository.path, outcome)
        except Exception:  # the others are not to wait for one that is broken
            logger.exception("cannot apply the retention rules of %s", repository.path)
    return ours


def _due(now: datetime) -> QuerySet[Repository]:
    """Repositories with rules that were not applied for long enough, the longest first."""
    interval = timedelta(minutes=settings.BERTH.AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES)
    rules = RetentionRule.objects.filter(
        Q(repository=OuterRef("pk")) | Q(namespace=OuterRef("namespace"))
    )
    due = Q(Exists(rules)) & _last_run_by(now - interval)
    if settings.BERTH.DEFAULT_NAMESPACE_AUTOPRUNE_POLICY:
        seldom = timedelta(seconds=settings.BERTH.AUTO_PRUNING_DEFAULT_POLICY_POLL_PERIOD)
        due |= ~Q(Exists(rules)) & _last_run_by(now - max(interval, seldom))
    longest_first = F("retention_run__last_run_at").asc(nulls_first=True)
    return Repository.objects.filter(due).order_by(longest_first, "pk")


def _last_run_by(moment: datetime) -> Q:
    return Q(retention_run=None) | Q(retention_run__last_run_at__lte=moment)


def _take(repository: Repository, now: datetime) -> bool:
    """Whether the repository is ours to run in: of several processes one is told so."""
    interval = timedelta(minutes=settings.BERTH.AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES)
    try:
        return statements.execute(_TAKE, [repository.id, now, now - interval]) == 1
    except IntegrityError:  # somebody deleted the repository
        return False

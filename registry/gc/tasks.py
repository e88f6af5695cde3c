"""Celery tasks of garbage collection."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from registry.gc import services, store
from registry.gc.models import give_back, take_turn
from registry.gc.report import Report
from registry.statistics.jobs import note_collection

logger = logging.getLogger(__name__)

_STRETCH_SECONDS = 15 * 60
LASTING = timedelta(minutes=30)  # a run that takes longer may get company, which does no harm


@shared_task(name="gc.collect", acks_late=True, ignore_result=True)
def collect(**_: object) -> None:
    """Free what nobody needs. Safe to run twice, even at once."""
    _run("collect", _collect)


@shared_task(name="gc.reconcile_store", acks_late=True, ignore_result=True)
def reconcile_store(**_: object) -> None:
    """Free what crashes left in the store, a stretch in each run. Safe to run twice, even at
    once."""
    if not _run("reconcile", _reconcile):
        reconcile_store.delay()


def _collect(now: datetime, report: Report) -> bool:
    services.collect_due(now=now, report=report)
    return True


def _reconcile(now: datetime, report: Report) -> bool:
    after = timedelta(minutes=settings.BERTH.BLOBUPLOAD_DELETION_DATE_THRESHOLD)
    return store.reconcile_stretch(
        now=now, abandoned_after=after, report=report, seconds=_STRETCH_SECONDS
    )


def _run(turn: str, work: Callable[[datetime, Report], bool]) -> bool:
    """Whether all of the work is done, as far as it is ours."""
    now = timezone.now()
    if not settings.BERTH.FEATURE_GARBAGE_COLLECTION:
        return True
    if not take_turn(turn, now=now, lasting=LASTING):
        return True
    report = Report()
    try:
        is_done = work(now, report)
    finally:
        give_back(turn, now=now, lasting=LASTING)
    note_collection(
        task=f"gc.{turn}",
        now=now,
        freed_bytes=report.freed_bytes,
        lines=report.lines(),
        problems=report.problems,
    )
    for line in report.lines():
        logger.info("freed %s", line)
    for problem in report.problems:
        logger.error("%s", problem)
    return is_done

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

LASTING = timedelta(minutes=30)  # a run that takes longer may get company, which does no harm


@shared_task(name="gc.collect", acks_late=True, ignore_result=True)
def collect(**_: object) -> None:
    """Free what nobody needs. Safe to run twice, even at once."""
    _run("collect", _collect)


@shared_task(name="gc.reconcile_store", acks_late=True, ignore_result=True)
def reconcile_store(**_: object) -> None:
    """Free what crashes left in the store. Safe to run twice, even at once."""
    _run("reconcile", _reconcile)


def _collect(now: datetime, report: Report) -> None:
    services.collect(now=now, report=report)


def _reconcile(now: datetime, report: Report) -> None:
    after = timedelta(minutes=settings.BERTH.BLOBUPLOAD_DELETION_DATE_THRESHOLD)
    store.reconcile_store(now=now, abandoned_after=after, report=report)


def _run(turn: str, work: Callable[[datetime, Report], None]) -> None:
    now = timezone.now()
    if not settings.BERTH.FEATURE_GARBAGE_COLLECTION:
        return
    if not take_turn(turn, now=now, lasting=LASTING):
        return
    report = Report()
    try:
        work(now, report)
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

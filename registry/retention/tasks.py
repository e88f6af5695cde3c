"""Celery tasks of retention."""

import logging

from celery import shared_task
from django.utils import timezone

from registry.retention import sweeping

logger = logging.getLogger(__name__)

BATCH_REPOSITORIES = 20


@shared_task(name="retention.run", acks_late=True, ignore_result=True)
def run(**_: object) -> None:
    """Apply rules that are due, in some repositories per run. Safe to run twice, even at once."""
    done = sweeping.sweep(now=timezone.now(), limit=BATCH_REPOSITORIES)
    if done == BATCH_REPOSITORIES:
        run.delay()

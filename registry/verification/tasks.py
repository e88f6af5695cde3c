"""Celery tasks of the verification room."""

import logging

from celery import shared_task
from django.utils import timezone

from registry.verification import checking

logger = logging.getLogger(__name__)

BATCH_ROWS = 100


@shared_task(name="verification.recompute", acks_late=True, ignore_result=True)
def recompute(**_: object) -> None:
    """Check signatures again after keys changed, one batch per run. Safe to run twice at once."""
    checked = checking.recompute(now=timezone.now(), limit=BATCH_ROWS)
    if checked:
        logger.info("checked %d signatures again", checked)
    if checked == BATCH_ROWS:
        recompute.delay()

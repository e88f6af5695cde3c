"""Celery tasks of the tags room."""

import logging

from celery import shared_task
from django.utils import timezone

from registry.tags import services
from registry.tags.look_ahead import note_expiring_tags

logger = logging.getLogger(__name__)

BATCH_ROWS = 500


@shared_task(name="tags.sweep_expired", acks_late=True, ignore_result=True)
def sweep_expired(**_: object) -> None:
    """Write down which tags expired, one batch per run. Safe to run twice, even at once."""
    swept = services.sweep_expired(now=timezone.now(), limit=BATCH_ROWS)
    if swept:
        logger.info("%d tags expired", swept)
    if swept == BATCH_ROWS:
        sweep_expired.delay()


@shared_task(name="tags.look_ahead", acks_late=True, ignore_result=True)
def look_ahead(**_: object) -> None:
    """Tell of tags that are about to expire. Safe to run twice."""
    count = note_expiring_tags(now=timezone.now())
    if count:
        logger.info("%d tags are about to expire", count)

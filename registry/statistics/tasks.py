"""Celery tasks of statistics."""

import logging

from celery import shared_task
from django.utils import timezone

from registry.statistics import survey

logger = logging.getLogger(__name__)


@shared_task(name="statistics.survey_storage", acks_late=True, ignore_result=True)
def survey_storage(**_: object) -> None:
    """Survey the day's storage, one batch per run. Safe to run twice, even at once."""
    if survey.survey_storage(now=timezone.now()):
        survey_storage.delay()


@shared_task(name="statistics.delete_old", acks_late=True, ignore_result=True)
def delete_old(**_: object) -> None:
    """Delete days that are past their time, one batch per run. Safe to run twice, even at once."""
    deleted = survey.delete_old(now=timezone.now())
    if deleted:
        logger.info("deleted %d days of statistics", deleted)
    if deleted >= survey.BATCH_DELETED:
        delete_old.delay()

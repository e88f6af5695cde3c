"""Celery tasks of the stores."""

import logging
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from registry.storage.select import blob_store

logger = logging.getLogger(__name__)

_OLDER_THAN = timedelta(days=1)


@shared_task(name="storage.clean", acks_late=True, ignore_result=True)
def clean(**_: object) -> None:
    """Abort what was begun in the store and forgotten. Safe to run twice, even at once."""
    aborted = blob_store().clean(now=timezone.now(), older_than=_OLDER_THAN)
    if aborted:
        logger.info("aborted %d forgotten multipart uploads", aborted)

"""Celery tasks of the blobs room."""

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from registry.blobs import uploads

logger = logging.getLogger(__name__)

BATCH_ROWS = 200


@shared_task(name="blobs.delete_stale_uploads", acks_late=True, ignore_result=True)
def delete_stale_uploads(**_: object) -> None:
    """Reclaim abandoned uploads, one batch per run. Safe to run twice, even at once."""
    deleted = uploads.delete_stale_uploads(
        now=timezone.now(),
        older_than=timedelta(minutes=settings.BERTH.BLOBUPLOAD_DELETION_DATE_THRESHOLD),
        limit=BATCH_ROWS,
    )
    if deleted:
        logger.info("deleted %d abandoned uploads", deleted)
    if deleted == BATCH_ROWS:
        delete_stale_uploads.delay()

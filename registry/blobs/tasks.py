"""Celery tasks of the blobs room."""

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from registry.blobs import sessions, uploads

logger = logging.getLogger(__name__)

BATCH_ROWS = 200
_CLOSED_ROWS = 5000  # they have no bytes in the store


@shared_task(name="blobs.delete_stale_uploads", acks_late=True, ignore_result=True)
def delete_stale_uploads(**_: object) -> None:
    """Reclaim abandoned uploads, one batch per run. Safe to run twice, even at once."""
    now = timezone.now()
    lifetime = timedelta(minutes=settings.BERTH.BLOBUPLOAD_DELETION_DATE_THRESHOLD)
    deleted = uploads.delete_stale_uploads(now=now, older_than=lifetime, limit=BATCH_ROWS)
    if deleted:
        logger.info("deleted %d abandoned uploads", deleted)
    closed = sessions.forget_closed_uploads(now=now, older_than=lifetime, limit=_CLOSED_ROWS)
    if deleted == BATCH_ROWS or closed == _CLOSED_ROWS:
        delete_stale_uploads.delay()

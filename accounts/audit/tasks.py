"""Celery tasks of the audit trail."""

import logging
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts.audit import exports
from accounts.audit.rotation import BATCH_ROWS, rotate_log
from artifacts.oci.lifetimes import parse_lifetime

logger = logging.getLogger(__name__)


@shared_task(name="audit.rotate", acks_late=True, ignore_result=True)
def rotate(**_: object) -> None:
    """Let old events go, one batch per run, if that is wanted. Safe to run twice, even at once."""
    if not settings.BERTH.FEATURE_ACTION_LOG_ROTATION:
        return
    folder = settings.BERTH.ACTION_LOG_ARCHIVE_PATH
    gone = rotate_log(
        now=timezone.now(),
        older_than=parse_lifetime(settings.BERTH.ACTION_LOG_ROTATION_THRESHOLD),
        archive=Path(settings.DATA_DIR) / folder if folder else None,
    )
    if gone:
        logger.info("%d events left the audit log", gone)
    if gone >= BATCH_ROWS:
        rotate.delay()


@shared_task(name=exports.TELL, acks_late=True, ignore_result=True)
def tell_of_exports(**_: object) -> None:
    """Tell callbacks where exports are, and forget those past their time. Safe to run twice."""
    exports.tell_callbacks(now=timezone.now(), limit=20)
    exports.delete_ended(now=timezone.now(), limit=1000)

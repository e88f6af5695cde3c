"""Celery tasks of what is kept beside the registry."""

import logging
from functools import partial

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts.audit.rotation import rotate_log
from artifacts.oci.lifetimes import parse_lifetime
from registry.keeping.audit_archive import configured_archive

logger = logging.getLogger(__name__)


@shared_task(name="audit.rotate", acks_late=True, ignore_result=True)
def rotate_audit_log(**_: object) -> None:
    """Let old events go, one batch per run, if that is wanted. Safe to run twice, even at once."""
    if not settings.BERTH.FEATURE_ACTION_LOG_ROTATION:
        return
    now, archive = timezone.now(), configured_archive()
    gone = rotate_log(
        now=now,
        older_than=parse_lifetime(settings.BERTH.ACTION_LOG_ROTATION_THRESHOLD),
        archive=partial(archive.keep, now=now) if archive else None,
    )
    if gone:
        logger.info("%d events left the audit log", gone)
        rotate_audit_log.delay()

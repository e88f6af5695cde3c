"""Housekeeping of credentials. Nobody waits for it: readers never see what it deletes."""

import logging
from typing import Final

from celery import shared_task
from django.utils import timezone

from accounts.credentials import services
from accounts.credentials.robots.readable import erase_unreadable

BATCH_ROWS: Final = 1000

logger = logging.getLogger(__name__)


@shared_task(name="credentials.delete_expired", acks_late=True, ignore_result=True)
def delete_expired(**_: object) -> None:
    """Delete dead tokens, forgotten failures and retired keys, and what of robots' tokens may not
    be read any more. Safe to run twice, even at once."""
    if erased := erase_unreadable():
        logger.info("erased the readable tokens of %d robots", erased)
    deleted = services.delete_expired(now=timezone.now(), limit=BATCH_ROWS)
    logger.info("deleted %d expired credentials", deleted)
    if deleted >= BATCH_ROWS:
        delete_expired.delay()

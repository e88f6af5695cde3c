"""Celery tasks of the events room: each is a nudge to what stands in rows."""

import logging
import threading
import time
from typing import Final

from celery import shared_task
from django.utils import timezone

from registry.events import delivery, notices
from registry.events.outbox import DELIVER
from registry.events.tokens import note_expiring_tokens

BATCH_ROWS: Final = 200
MOST_TOKENS: Final = 5000
_RUN_SECONDS: Final = 30
# One at a time in each process: other jobs need their threads.
_running = threading.Lock()

logger = logging.getLogger(__name__)


@shared_task(name=DELIVER, acks_late=True, ignore_result=True)
def deliver(**_: object) -> None:
    """Bring events to their hooks until nothing is due. Safe to run twice, even at once."""
    if not _running.acquire(blocking=False):
        return
    try:
        until = time.monotonic() + _RUN_SECONDS
        while time.monotonic() < until:
            count = delivery.fan_out(now=timezone.now(), limit=BATCH_ROWS)
            if not delivery.deliver_due(now=timezone.now()) and not count:
                return
    finally:
        _running.release()
    deliver.delay()


@shared_task(name="events.forget_old", acks_late=True, ignore_result=True)
def forget_old(**_: object) -> None:
    if delivery.forget_old(now=timezone.now(), limit=1000) == 1000:
        forget_old.delay()


@shared_task(name="events.look_ahead", acks_late=True, ignore_result=True)
def look_ahead(**_: object) -> None:
    """Tell of tokens that are about to end."""
    count = note_expiring_tokens(now=timezone.now(), limit=MOST_TOKENS)
    if count:
        logger.info("%d tokens are about to end", count)


@shared_task(name="events.mail_notices", acks_late=True, ignore_result=True)
def mail_notices(**_: object) -> None:
    """Mail people the notices of which they want mail. Safe to run twice, even at once."""
    count = notices.mail_notices(now=timezone.now())
    if count:
        logger.info("%d mails about notices", count)

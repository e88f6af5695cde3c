"""Celery tasks of the audit trail."""

import logging

from celery import shared_task
from django.utils import timezone

from accounts.audit import exports
from accounts.audit.forwarding import BATCH_ROWS as MOST_FORWARDED
from accounts.audit.forwarding import NotForwarded, forward_events

_MOST_BATCHES = 20  # of one run

logger = logging.getLogger(__name__)


@shared_task(name=exports.TELL, acks_late=True, ignore_result=True)
def tell_of_exports(**_: object) -> None:
    """Tell callbacks where exports are, and forget those past their time. Safe to run twice."""
    exports.tell_callbacks(now=timezone.now(), limit=20)
    exports.delete_ended(now=timezone.now(), limit=1000)


@shared_task(name="audit.forward", acks_late=True, ignore_result=True)
def forward(**_: object) -> None:
    """Tell what waits to the place that the configuration names. Safe to run twice."""
    try:
        for _batch in range(_MOST_BATCHES):
            if forward_events() < MOST_FORWARDED:
                return
    except NotForwarded as error:
        logger.warning("events of the audit log wait to be forwarded: %s", error)

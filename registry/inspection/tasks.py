"""Celery tasks of the inspection room."""

from celery import shared_task
from django.utils import timezone

from registry.inspection import services

BATCH_ROWS = 50


@shared_task(name="inspection.inspect_pending", acks_late=True, ignore_result=True)
def inspect_pending(after: int = 0, **_: object) -> None:
    """Look into what no push did, one batch per run. Safe to run twice, even at once."""
    if not after:
        services.forget_attempts()
    last = services.inspect_pending(after=after, limit=BATCH_ROWS, now=timezone.now())
    if last is not None:
        inspect_pending.delay(after=last)

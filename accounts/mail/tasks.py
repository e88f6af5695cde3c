"""Sending mail. Nobody waits for it."""

from typing import Final

from celery import shared_task
from django.utils import timezone

from accounts.mail import services

BATCH: Final = 50


@shared_task(name=services.SEND, acks_late=True, ignore_result=True)
def send_waiting(**_: object) -> None:
    """Send what is due. Safe to run twice, even at once."""
    if services.send_waiting(now=timezone.now(), limit=BATCH) >= BATCH:
        send_waiting.delay()

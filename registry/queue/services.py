"""Putting messages into the queue and taking them out, one short transaction each."""

import logging
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F

from registry.queue.models import Message, MessageQuerySet

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """A message that is ours until its lease ends or we acknowledge it."""

    message_id: int
    body: str
    attempts: int  # deliveries before this one


def publish(*, queue: str, body: str) -> None:
    """Add a message. Inside a transaction it appears with the commit, or never."""
    Message.objects.create(queue=queue, body=body)


def lease(*, queue: str, now: float, lease_seconds: float, max_attempts: int) -> Lease | None:
    """Take the oldest message that nobody holds; ``None`` when there is none.

    A message delivered ``max_attempts`` times without an acknowledgement seems to kill its
    worker. It is parked, so that it neither runs again nor blocks the others.
    """
    waiting = Message.objects.waiting(queue, at=now)
    while waiting.exists():  # a plain read: an idle worker never takes the write lock
        with transaction.atomic():
            message = _locked(waiting).first()
            if message is None:
                return None
            if message.attempts < max_attempts:
                Message.objects.filter(pk=message.pk).update(
                    leased_until=now + lease_seconds, attempts=F("attempts") + 1
                )
                return Lease(message.pk, message.body, message.attempts)
            Message.objects.filter(pk=message.pk).update(is_parked=True)
        logger.error("parked message %d: delivered %d times", message.pk, message.attempts)
    return None


def acknowledge(*, message_id: int) -> None:
    Message.objects.filter(pk=message_id).delete()


def hand_back(*, message_id: int) -> None:
    """End a lease early, so that another worker takes the message at once."""
    Message.objects.filter(pk=message_id).update(leased_until=0)


def hand_back_untouched(*, message_id: int) -> None:
    """End a lease whose job never started: this delivery does not count as an attempt."""
    Message.objects.filter(pk=message_id, attempts__gt=0).update(
        leased_until=0, attempts=F("attempts") - 1
    )


def size(*, queue: str) -> int:
    return Message.objects.filter(queue=queue, is_parked=False).count()


def purge(*, queue: str) -> int:
    """Delete all messages of a queue but the parked ones; return how many."""
    deleted, _ = Message.objects.filter(queue=queue, is_parked=False).delete()
    return deleted


def _locked(messages: MessageQuerySet) -> MessageQuerySet:
    """Lock rows that others have not locked. SQLite has one writer, which is us by now."""
    if connection.features.has_select_for_update_skip_locked:
        return messages.select_for_update(skip_locked=True)
    return messages

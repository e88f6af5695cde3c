"""Posting mail. A job sends it (``tasks.py``).

A request only writes a row, so that it neither waits for a mail server nor tells by its time
whether somebody gets a mail.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from accounts.mail.models import OutgoingMail
from accounts.mail.tasks import send_waiting

_MAX_SUBJECT_LENGTH: Final = 998  # RFC 5322, section 2.1.1


def post(*, recipient: str, subject: str, body: str, now: datetime) -> None:
    """Have a mail sent soon, once what is done now is committed.

    Args:
        recipient: the address. Empty: what is done for somebody is done for nobody too, so that
            both take as long.
    """
    OutgoingMail.objects.create(
        recipient=recipient,
        subject=" ".join(subject.split())[:_MAX_SUBJECT_LENGTH],
        body=body,
        created_at=now,
        due_at=now,
    )
    # When the queue does not answer, the timetable sends the mail a minute later.
    transaction.on_commit(_nudge, robust=True)


class Outbox(BaseEmailBackend):
    """Django's way to send mail, which only posts it: plain text, as all mails of Berth are."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        now = timezone.now()  # noqa: TID251 - Django calls this, and hands no time in
        for message in email_messages:
            for recipient in message.recipients():
                post(
                    recipient=recipient,
                    subject=str(message.subject),
                    body=str(message.body),
                    now=now,
                )
        return len(email_messages)


def _nudge() -> None:
    send_waiting.apply_async(retry=False)

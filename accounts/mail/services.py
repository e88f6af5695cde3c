"""Posting mail, and sending what was posted.

A request only writes a row, so that it neither waits for a mail server nor tells by its time
whether somebody gets a mail. A job sends; what fails is tried again less and less often.
"""

import logging
import smtplib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from celery import current_app
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.mail.models import OutgoingMail

SEND: Final = "mail.send_waiting"
"""The name of the job."""

MAX_ATTEMPTS: Final = 7
FIRST_WAIT: Final = timedelta(minutes=1)
"""After the first attempt; twice that after the second, and so on: an hour in all."""

_MAX_SUBJECT_LENGTH: Final = 998  # RFC 5322, section 2.1.1
_PERMANENT: Final = range(500, 600)

logger = logging.getLogger(__name__)


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


def send_waiting(*, now: datetime, limit: int) -> int:
    """Try at most ``limit`` mails that are due; return how many that were."""
    tried = 0
    for mail in OutgoingMail.objects.due(now)[:limit]:
        tried += _try(mail, now)
    return tried


def _try(mail: OutgoingMail, now: datetime) -> bool:
    """Send a mail unless another job does. One that is killed meanwhile leaves it to the next."""
    again_at = now + FIRST_WAIT * 2**mail.attempts
    taken = OutgoingMail.objects.filter(pk=mail.pk, attempts=mail.attempts, due_at=mail.due_at)
    if not taken.update(attempts=F("attempts") + 1, due_at=again_at):
        return False
    attempt = mail.attempts + 1
    try:
        _send(mail)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        if attempt < MAX_ATTEMPTS and not _is_permanent(error):
            logger.warning(
                "%s could not be sent, attempt %d of %d: %s", mail, attempt, MAX_ATTEMPTS, error
            )
            return True
        logger.error("%s was given up after %d attempts: %s", mail, attempt, error)  # noqa: TRY400
    OutgoingMail.objects.filter(pk=mail.pk).delete()
    return True


def _send(mail: OutgoingMail) -> None:
    if not mail.recipient:
        return
    message = EmailMessage(
        mail.subject,
        mail.body,
        settings.DEFAULT_FROM_EMAIL,
        [mail.recipient],
        connection=get_connection(settings.MAIL_DELIVERY_BACKEND),
    )
    message.send()


def _is_permanent(error: Exception) -> bool:
    """Whether the server wants nothing for this address, now or later."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return all(code in _PERMANENT for code, _ in error.recipients.values())
        case ValueError():  # an address or a subject that no mail can have
            return True
    return False


def _nudge() -> None:
    current_app.send_task(SEND, retry=False)

"""The job that sends what was posted. What fails is tried again less and less often."""

import logging
import smtplib
import threading
import time
from datetime import datetime, timedelta
from typing import Final

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import F
from django.utils import timezone

from accounts.mail.models import OutgoingMail

TURN_SECONDS: Final = 60
MAX_ATTEMPTS: Final = 7
FIRST_WAIT: Final = timedelta(minutes=1)
"""After the first attempt; twice that after the second, and so on: an hour in all."""

_PERMANENT: Final = range(500, 600)

_turn = threading.Lock()

logger = logging.getLogger(__name__)


@shared_task(name="mail.send_waiting", acks_late=True, ignore_result=True)
def send_waiting(**_: object) -> None:
    """Send what is due. Safe to run twice, even at once.

    A mail server that does not answer holds one thread of the jobs process and no other: who is
    at it looks again after each mail, and what comes at its very end is sent by the timetable.
    """
    if not _turn.acquire(blocking=False):
        return
    ends_at = time.monotonic() + TURN_SECONDS
    try:
        while send_batch(now=timezone.now(), limit=1):
            if time.monotonic() >= ends_at:
                send_waiting.delay()
                return
    finally:
        _turn.release()


def send_batch(*, now: datetime, limit: int) -> int:
    """Try at most ``limit`` mails that are due; return how many that were."""
    count = 0
    for mail in OutgoingMail.objects.due(now)[:limit]:
        count += _try(mail, now)
    return count


def _try(mail: OutgoingMail, now: datetime) -> bool:
    """Send a mail unless another job does. One that is killed meanwhile leaves it to the next."""
    again_at = now + FIRST_WAIT * 2**mail.attempts
    row = OutgoingMail.objects.filter(pk=mail.pk, attempts=mail.attempts, due_at=mail.due_at)
    if not row.update(attempts=F("attempts") + 1, due_at=again_at):
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
        # The same at each attempt, so that a mail that did arrive is not shown twice.
        headers={"Message-ID": _message_id(mail)},
        connection=get_connection(settings.MAIL_DELIVERY_BACKEND),
    )
    message.send()


def _message_id(mail: OutgoingMail) -> str:
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "localhost"
    return f"<{mail.created_at.timestamp():.6f}.{mail.pk}@{domain}>"


def _is_permanent(error: Exception) -> bool:
    """Whether the server wants nothing for this address, now or later."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return all(code in _PERMANENT for code, _ in error.recipients.values())
        case OSError():  # a certificate that is not trusted is a ValueError, too
            return False
        case ValueError():  # an address or a subject that no mail can have
            return True
    return False

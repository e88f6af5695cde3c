"""Saying something to everybody, and taking it back."""

from datetime import datetime
from typing import Final

from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from registry.announcements.current import refresh_announcements
from registry.announcements.models import Announcement, Severity

MAX_ANNOUNCEMENTS: Final = 1000  # that nobody has deleted
MAX_TEXT_LENGTH: Final = 2000


class AnnouncementRefused(AccountError):
    """It is too long, says nothing, or there are too many."""


def announce(*, text: str, severity: str, now: datetime, by: Actor = SYSTEM) -> Announcement:
    """Show ``text``, Markdown, until it is deleted. Raises ``AnnouncementRefused``."""
    if not 0 < len(text) <= MAX_TEXT_LENGTH:
        raise AnnouncementRefused(f"an announcement has from 1 to {MAX_TEXT_LENGTH} characters")
    if severity not in Severity.values:
        raise AnnouncementRefused(f"a severity is one of {', '.join(Severity.values)}")
    with transaction.atomic():
        if Announcement.objects.count() >= MAX_ANNOUNCEMENTS:
            raise AnnouncementRefused(f"there are {MAX_ANNOUNCEMENTS} announcements already")
        made = Announcement.objects.create(text=text, severity=severity, created_at=now)
        by.did("announcement.create", str(made), now=now)
        transaction.on_commit(lambda: refresh_announcements(now=now))
    return made


def withdraw_announcement(*, announcement: Announcement, now: datetime, by: Actor = SYSTEM) -> None:
    with transaction.atomic():
        by.did("announcement.delete", str(announcement), now=now)
        announcement.delete()
        transaction.on_commit(lambda: refresh_announcements(now=now))

"""Saying something to everybody, and taking it back."""

from datetime import datetime
from typing import Final

from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from registry.announcements.current import refresh_announcements
from registry.announcements.models import MARKDOWN, Announcement, Severity

MAX_ANNOUNCEMENTS: Final = 1000  # that nobody has deleted
MAX_TEXT_LENGTH: Final = 2000


class AnnouncementRefused(AccountError):
    """It is too long, says nothing, or there are too many."""


def announce(
    *,
    text: str,
    severity: str,
    media_type: str = MARKDOWN,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    now: datetime,
    by: Actor = SYSTEM,
) -> Announcement:
    """Show ``text``, Markdown, in ``[starts_at, ends_at)``; ``None``: from now on, until it is
    deleted. Raises ``AnnouncementRefused``."""
    _check(text, severity, starts_at, ends_at)
    with transaction.atomic():
        if Announcement.objects.count() >= MAX_ANNOUNCEMENTS:
            raise AnnouncementRefused(f"there are {MAX_ANNOUNCEMENTS} announcements already")
        made = Announcement.objects.create(
            text=text,
            severity=severity,
            media_type=media_type,
            starts_at=starts_at,
            ends_at=ends_at,
            created_at=now,
        )
        by.did("announcement.create", str(made), now=now)
        transaction.on_commit(lambda: refresh_announcements(now=now))
    return made


def change_announcement(
    *,
    announcement: Announcement,
    text: str,
    severity: str,
    starts_at: datetime | None,
    ends_at: datetime | None,
    now: datetime,
    by: Actor = SYSTEM,
) -> None:
    """Say something else from now on. Raises ``AnnouncementRefused``."""
    _check(text, severity, starts_at, ends_at)
    announcement.text, announcement.severity = text, severity
    announcement.starts_at, announcement.ends_at = starts_at, ends_at
    with transaction.atomic():
        announcement.save(update_fields=["text", "severity", "starts_at", "ends_at"])
        by.did("announcement.change", str(announcement), now=now)
        transaction.on_commit(lambda: refresh_announcements(now=now))


def _check(text: str, severity: str, starts_at: datetime | None, ends_at: datetime | None) -> None:
    if not 0 < len(text) <= MAX_TEXT_LENGTH:
        raise AnnouncementRefused(f"an announcement has from 1 to {MAX_TEXT_LENGTH} characters")
    if severity not in Severity.values:
        raise AnnouncementRefused(f"a severity is one of {', '.join(Severity.values)}")
    if starts_at and ends_at and ends_at <= starts_at:
        raise AnnouncementRefused("an announcement ends after it starts")


def withdraw_announcement(*, announcement: Announcement, now: datetime, by: Actor = SYSTEM) -> None:
    with transaction.atomic():
        by.did("announcement.delete", str(announcement), now=now)
        announcement.delete()
        transaction.on_commit(lambda: refresh_announcements(now=now))

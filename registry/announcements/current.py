"""The announcements of this moment, kept in memory: no page asks the database for them.

A thread of each process looks for new ones every few seconds (``config/serving/rounds.py``).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from registry.announcements.models import Announcement

MAX_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Shown:
    id: int
    text: str
    severity: str
    starts_at: datetime | None
    ends_at: datetime | None

    def is_current(self, now: datetime) -> bool:
        has_begun = self.starts_at is None or self.starts_at <= now
        return has_begun and (self.ends_at is None or now < self.ends_at)


_remembered: tuple[Shown, ...] = ()


def current_announcements(*, now: datetime) -> list[Shown]:
    """What is to be shown now, the newest first."""
    return [shown for shown in _remembered if shown.is_current(now)][:MAX_SHOWN]


def refresh_announcements(*, now: datetime) -> None:
    """Read them again, at once in this process."""
    global _remembered  # noqa: PLW0603 - the one memory of this process
    columns = ("id", "text", "severity", "starts_at", "ends_at")
    rows = Announcement.objects.not_over(now).order_by("-created_at", "-pk")
    _remembered = tuple(Shown(*row) for row in rows.values_list(*columns)[: 10 * MAX_SHOWN])


def forget_announcements() -> None:
    global _remembered  # noqa: PLW0603 - the one memory of this process
    _remembered = ()

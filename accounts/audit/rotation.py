"""Events past their time leave the audit trail: first into an archive, if one is kept, then the
rows go."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Final

from django.conf import settings

from accounts import statements
from accounts.audit.models import AuditEvent
from artifacts.batches import batched

BATCH_ROWS: Final = 10_000
DELETED_AT_ONCE: Final = 2000

_DELETE: Final = "DELETE FROM audit_auditevent WHERE id IN ({ids}) AND at < %s"

Archive = Callable[[Sequence[AuditEvent]], None]


def rotate_log(*, now: datetime, older_than: timedelta, archive: Archive | None) -> int:
    """Let the oldest events go, at most ``BATCH_ROWS``; return how many.

    Those that are still to be forwarded stay. With an archive whole days go, and those of one day
    at once, so that an archive holds few files.

    Args:
        archive: keeps events of one day (UTC), in their order, durably when it returns. When it
            raises, nothing is deleted. What it kept and was then not deleted comes again.
    """
    before = (now - older_than).astimezone(UTC)
    if archive is not None:
        before = before.replace(hour=0, minute=0, second=0, microsecond=0)
    old = AuditEvent.objects.filter(at__lt=before).order_by("at", "id")
    if settings.BERTH.ACTION_LOG_FORWARD_TO:
        old = old.filter(to_forward=False)
    events = list(old[:BATCH_ROWS])
    if events and archive is not None:
        day = day_of(events[0])
        events = list(takewhile(lambda event: day_of(event) == day, events))
        archive(events)
    gone = 0
    for ids in batched([event.pk for event in events], DELETED_AT_ONCE):
        statement = _DELETE.format(ids=statements.places(len(ids)))
        gone += statements.execute(statement, [*ids, before])
    return gone


def day_of(event: AuditEvent) -> str:
    """The day of an event (UTC), such as ``2026-11-30``."""
    return event.at.astimezone(UTC).date().isoformat()

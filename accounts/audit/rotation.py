"""Events past their time leave the audit trail: first into an archive, if one is kept, then the
rows go."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from django.conf import settings

from accounts import statements
from accounts.audit.models import AuditEvent

BATCH_ROWS: Final = 2000

_DELETE = "DELETE FROM audit_auditevent WHERE id IN ({ids}) AND at < %s"
_PRIVATE: Final = 0o600


def rotate_log(*, now: datetime, older_than: timedelta, archive: Path | None) -> int:
    """Let the oldest events go, at most ``BATCH_ROWS``; return how many.

    Those that are still to be forwarded stay.
    What is archived and then not deleted is archived once more: lines carry the event's id.
    Raises ``OSError`` when the archive cannot be written; nothing is deleted then.
    """
    before = now - older_than
    old = AuditEvent.objects.filter(at__lt=before).order_by("at", "id")
    if settings.BERTH.ACTION_LOG_FORWARD_TO:
        old = old.filter(to_forward=False)
    events = list(old[:BATCH_ROWS])
    if not events:
        return 0
    if archive is not None:
        for month, its_events in groupby(events, lambda event: f"{event.at:%Y-%m}"):
            _append(archive / f"audit-{month}.jsonl", list(its_events))
    ids = ", ".join(["%s"] * len(events))
    return statements.execute(_DELETE.format(ids=ids), [*(event.pk for event in events), before])


def _append(path: Path, events: Sequence[AuditEvent]) -> None:
    """Durable when it returns: the rows go next."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{event.line}\n" for event in events)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _PRIVATE)
    with os.fdopen(file, "wb") as stream:
        stream.write(text.encode())
        stream.flush()
        os.fsync(stream.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

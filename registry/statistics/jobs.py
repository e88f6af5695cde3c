"""How background jobs went: written by the worker around each of them, shown to administrators."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import DatabaseError
from django.db.models import F

from accounts import statements
from registry.statistics.errors import safe_text
from registry.statistics.models import CollectionReport, JobRun

logger = logging.getLogger(__name__)

MAX_ERROR_LENGTH: Final = 1000
MAX_REPORT_LENGTH: Final = 20_000


def note_run(
    *, task: str, started_at: datetime, lasted: timedelta, error: BaseException | None = None
) -> None:
    """Write how a run of ``task`` went. No job fails because that cannot be written."""
    columns = {
        "started_at": started_at,
        "seconds": lasted.total_seconds(),
        "has_failed": error is not None,
    }
    if error is not None:
        text = safe_text(f"{type(error).__name__}: {error}")[:MAX_ERROR_LENGTH]
        columns |= {"last_error": text, "last_error_at": started_at + lasted}
    try:
        with statements.commit_without_sync():
            failures = int(error is not None)
            counts = {"runs": F("runs") + 1, "failures": F("failures") + failures}
            if not JobRun.objects.filter(task=task).update(**columns, **counts):
                JobRun.objects.update_or_create(
                    task=task, defaults={**columns, "runs": 1, "failures": failures}
                )
    except DatabaseError:
        logger.warning("could not note how %s went", task, exc_info=True)


def note_collection(
    *, task: str, now: datetime, freed_bytes: int, lines: Iterable[str], problems: Iterable[str]
) -> None:
    """Keep the report of a collection that found something; an empty one changes nothing."""
    freed, wrong = "\n".join(lines), "\n".join(problems)
    if not freed and not wrong:
        return
    CollectionReport.objects.update_or_create(
        task=task,
        defaults={
            "at": now,
            "freed_bytes": freed_bytes,
            "lines": freed[:MAX_REPORT_LENGTH],
            "problems": safe_text(wrong)[:MAX_REPORT_LENGTH],
        },
    )

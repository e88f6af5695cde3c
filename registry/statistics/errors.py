"""The latest errors of the log, for administrators who have no shell at hand.

A handler keeps them in memory, and a thread of the process writes them: to log an error neither
waits for the database nor fails with it. Equal ones are counted in one row, and only so many
rows are kept.
"""

import hashlib
import logging
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import transaction

from accounts import statements
from artifacts.text import clean
from registry.metrics.families import Counter

MAX_IN_MEMORY: Final = 100
MAX_ROWS: Final = 200
MAX_MESSAGE_LENGTH: Final = 1000

_SECRETS: Final = (
    (re.compile(r"(://)[^/\s@]+@"), r"\1…@"),
    # Signed addresses: S3's, and our own.
    (re.compile(r"(?i)([?&][^=\s&]*(?:signature|credential|token|sig)=)[^&\s'\"]+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 …"),
    (
        re.compile(r"(?i)\b(password|passwd|secret|token|authorization|api[_-]?key)(\W{1,3})\S+"),
        r"\1\2…",
    ),
)
_WRITE = """
    INSERT INTO statistics_loggederror
        (fingerprint, logger, message, place, first_at, last_at, count)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (fingerprint) DO UPDATE SET
        message = excluded.message, last_at = excluded.last_at,
        count = statistics_loggederror.count + excluded.count
"""


ERRORS: Final = Counter("berth_logged_errors_total", "Errors in the log.", ("level",))


@dataclass(slots=True)
class _Entry:
    logger: str
    message: str
    place: str
    first_at: datetime
    last_at: datetime
    count: int = 1


_lock = threading.Lock()
_entries: dict[str, _Entry] = {}


class ErrorMemory(logging.Handler):
    """Remembers errors until ``flush_errors`` writes them."""

    def emit(self, record: logging.LogRecord) -> None:
        ERRORS.add(record.levelname)
        try:
            _remember(record)
        except Exception:  # as every handler of the standard library
            self.handleError(record)


def safe_text(text: str) -> str:
    """``text`` without what looks like a secret, and without what databases refuse."""
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return clean(text)


def flush_errors() -> int:
    """Write what was remembered, and delete the oldest rows past the limit.

    Returns how many errors that were. What cannot be written is kept for the next time.
    """
    from registry.statistics.models import LoggedError

    with _lock:
        taken = dict(_entries)
        _entries.clear()
    waiting = sorted(taken.items())
    left = statements.write_in_batches(waiting, _write, size=MAX_IN_MEMORY, what="errors")
    _keep(left)
    if len(left) < len(waiting):
        rows = LoggedError.objects.order_by("-last_at", "fingerprint")
        past = rows.values_list("fingerprint", flat=True)[MAX_ROWS : MAX_ROWS + MAX_IN_MEMORY]
        LoggedError.objects.filter(fingerprint__in=list(past)).delete()
    return len(waiting) - len(left)


def forget_errors() -> None:
    with _lock:
        _entries.clear()


def _remember(record: logging.LogRecord) -> None:
    message = record.getMessage()
    place = f"{record.module}:{record.lineno}"
    kind = ""
    if record.exc_info and (error := record.exc_info[1]):
        kind = type(error).__name__
        # The first line says what; further ones of databases may repeat what people entered.
        first = str(error).partition("\n")[0]
        message = f"{message}: {kind}: {first}"
        place = _innermost(error) or place
    known_by = f"{record.name}\n{place}\n{kind}\n{record.msg}"
    fingerprint = hashlib.sha256(known_by.encode(errors="replace")).hexdigest()
    at = datetime.fromtimestamp(record.created, UTC)
    text = safe_text(message)[:MAX_MESSAGE_LENGTH]
    with _lock:
        if entry := _entries.get(fingerprint):
            entry.count += 1
            entry.last_at, entry.message = at, text
        elif len(_entries) < MAX_IN_MEMORY:
            _entries[fingerprint] = _Entry(record.name[:200], text, place[:300], at, at)


def _write(entries: Sequence[tuple[str, _Entry]]) -> None:
    with transaction.atomic():
        for fingerprint, entry in entries:
            values = [entry.logger, entry.message, entry.place, entry.first_at, entry.last_at]
            statements.execute(_WRITE, [fingerprint, *values, entry.count])


def _keep(entries: Iterable[tuple[str, _Entry]]) -> None:
    """Put back what could not be written, beside what came since."""
    with _lock:
        for fingerprint, entry in entries:
            if newer := _entries.get(fingerprint):
                newer.count += entry.count
                newer.first_at = entry.first_at
            elif len(_entries) < MAX_IN_MEMORY:
                _entries[fingerprint] = entry


def _innermost(error: BaseException) -> str:
    """File and line where it was raised."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return ""
    name = frame.tb_frame.f_globals.get("__name__", "")
    return f"{name}:{frame.tb_lineno}"

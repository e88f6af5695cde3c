"""How lines of the log look: for people, or as JSON for programs. Neither holds a secret."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from registry.statistics.errors import safe_text

MAX_TEXT_LENGTH: Final = 8000  # of a message, and of a traceback

request_id: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The name of the request that this thread, or task, answers."""


class Lines(logging.Formatter):
    """``2026-05-04 12:00:00,000 INFO registry.gc [0f1e2d]: freed 3 blobs``"""

    def format(self, record: logging.LogRecord) -> str:
        named = f" [{name}]" if (name := _request_of(record)) else ""
        head = f"{self.formatTime(record)} {record.levelname} {record.name}{named}: "
        return head + _text(record, self)


class JsonLines(logging.Formatter):
    """One object on each line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": safe_text(record.getMessage())[:MAX_TEXT_LENGTH],
        }
        if name := _request_of(record):
            line["request_id"] = name
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = safe_text(self.formatException(record.exc_info))[-MAX_TEXT_LENGTH:]
        return json.dumps(line, ensure_ascii=True, default=str)


def _request_of(record: logging.LogRecord) -> str:
    return str(getattr(record, "request_id", "") or request_id.get())


def _text(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    text = safe_text(record.getMessage())
    if record.exc_info:
        text += "\n" + safe_text(formatter.formatException(record.exc_info))
    return text

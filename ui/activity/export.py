"""A log as a file, written while it is read: no log is too long for the memory of a server."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC
from typing import Any, Final

from django.http import StreamingHttpResponse

from accounts.audit.models import AuditEvent, AuditEventQuerySet
from ui.activity.words import phrase_of
from ui.display.file_names import saved_as

MAX_EVENTS: Final = 100_000
COLUMNS: Final = ("at", "actor", "action", "words", "target", "address", "detail")
# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Echo:
    """A file for ``csv`` that hands back what is written."""

    def write(self, text: str) -> str:
        return text


def as_file(
    events: AuditEventQuerySet, *, form: str, name: str, with_addresses: bool
) -> StreamingHttpResponse:
    """``events`` from the newest on, at most ``MAX_EVENTS``, as ``csv`` or as ``jsonl``."""
    write, content_type = _FORMS[form]
    rows = (_row(event, with_addresses) for event in events.newest_first(at_most=MAX_EVENTS))
    return StreamingHttpResponse(
        write(rows),
        content_type=content_type,
        headers={"Content-Disposition": saved_as(f"{name}.{form}")},
    )


def _row(event: AuditEvent, with_address: bool) -> dict[str, Any]:
    return {
        "at": event.at.astimezone(UTC).isoformat(),
        "actor": event.actor,
        "action": event.action,
        "words": phrase_of(event.action),
        "target": event.target,
        "address": event.address if with_address else "",
        "detail": dict(event.facts),
    }


def _csv(rows: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in rows:
        cells = {**row, "detail": json.dumps(row["detail"], sort_keys=True)}
        yield writer.writerow([_harmless(str(cells[column])) for column in COLUMNS])


def _json_lines(rows: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    return (json.dumps(row) + "\n" for row in rows)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_SIGNS) else cell


_Writer = Callable[[Iterator[Mapping[str, Any]]], Iterator[str]]
_FORMS: Mapping[str, tuple[_Writer, str]] = {
    "csv": (_csv, "text/csv; charset=utf-8"),
    "jsonl": (_json_lines, "application/jsonl; charset=utf-8"),
}

"""Amounts and times in a few words."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# A unit, its name, and the unit that stands beside it where there are few.
_STEPS = (
    (timedelta(days=365), "year", timedelta(days=365) / 12),
    (timedelta(days=30), "month", _DAY),
    (timedelta(days=7), "week", _DAY),
    (_DAY, "day", _HOUR),
    (_HOUR, "hour", _MINUTE),
    (_MINUTE, "minute", _MINUTE),
)
_NAMES = {unit: name for unit, name, _ in _STEPS} | {timedelta(days=365) / 12: "month"}
_FEW = 10
_THREE_DIGITS = 99.95
_DIGEST_SHOWN = 12


def bytes_text(size: float) -> str:
    """``1.4 GiB``: three digits at most."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return (
        f"{size:.0f} {_UNITS[unit]}"
        if unit == 0 or size >= _THREE_DIGITS
        else f"{size:.1f} {_UNITS[unit]}"
    )


def number_text(count: int) -> str:
    """``3,335``."""
    return f"{count:,}"


def distance(span: timedelta) -> str:
    """``3 hours``: the greatest unit that fits, of what has passed."""
    for unit, name, _ in _STEPS:
        if span >= unit and name != "week":
            return _counted(span // unit, unit)
    return "less than a minute"


def lifetime(span: timedelta) -> str:
    """``2 weeks`` or ``1 day 23 hours``, of what is to come: nearest, never only rounded down."""
    for unit, _, part in _STEPS:
        parts = _nearest(span, part)
        if parts * part < unit:
            continue
        count, rest = divmod(parts * part, unit)
        if count >= _FEW:
            return _counted(_nearest(span, unit), unit)
        beside = _counted(rest // part, part) if rest >= part else ""
        return f"{_counted(count, unit)} {beside}".rstrip()
    return "less than a minute"


def _nearest(span: timedelta, unit: timedelta) -> int:
    return (2 * span + unit) // (2 * unit)


def _counted(count: int, unit: timedelta) -> str:
    return f"{count} {_NAMES[unit]}{'' if count == 1 else 's'}"


def ago(moment: datetime, now: datetime) -> str:
    if moment > now:
        return f"in {lifetime(moment - now)}"
    return "just now" if now - moment < timedelta(minutes=1) else f"{distance(now - moment)} ago"


def moment(at: datetime) -> SafeString:
    """The date and time; ``app.js`` writes it in the reader's own zone and leaves UTC as title."""
    text = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    at_text = at.isoformat(timespec="seconds")
    return format_html(
        '<time class="b-nowrap" datetime="{}" title="{}" data-moment>{}</time>', at_text, text, text
    )


def short_digest(digest: str) -> str:
    return digest.partition(":")[2][:_DIGEST_SHOWN]


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that is exact, or the least that it is."""

    value: int
    is_least: bool = False

    def __str__(self) -> str:
        return f"{self.value:,}{'+' if self.is_least else ''}"


def counted(rows: QuerySet[Any], most: int) -> Amount:
    """How many there are, as far as that is worth counting."""
    count = rows.order_by()[: most + 1].count()
    return Amount(min(count, most), is_least=count > most)

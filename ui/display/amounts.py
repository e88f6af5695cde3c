"""Amounts and times in a few words."""

from datetime import datetime, timedelta

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEPS = (
    (timedelta(days=365), "year"),
    (timedelta(days=30), "month"),
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
)
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


def distance(span: timedelta) -> str:
    """``3 hours``: the greatest unit that fits."""
    for unit, name in _STEPS:
        if span >= unit:
            count = span // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def ago(moment: datetime, now: datetime) -> str:
    if moment > now:
        return f"in {distance(moment - now)}"
    return "just now" if now - moment < timedelta(minutes=1) else f"{distance(now - moment)} ago"


def short_digest(digest: str) -> str:
    return digest.partition(":")[2][:_DIGEST_SHOWN]

"""The pool of connections to PostgreSQL, in numbers. SQLite has none."""

from typing import Final

from django.db import connection

from registry.metrics.families import Counter, Gauge, Labels

_SIZES: Final = {"in_use": "pool_size", "idle": "pool_available", "most": "pool_max"}
_EVENTS: Final = {
    "waited": "requests_queued",
    "timeout": "requests_errors",
    "lost": "connections_lost",
    "not_made": "connections_errors",
}
EVENTS: Final = Counter(
    "berth_db_pool_events_total",
    "Requests that waited for a connection or got none in time; connections that were lost or"
    " could not be made.",
    ("event",),
)
_last_counts: Final[dict[str, int]] = {}


def watch_pool() -> None:
    """Make the numbers of the pool of this process known."""
    Gauge("berth_db_pool_connections", "Connections to PostgreSQL.", _connections, ("state",))
    Gauge("berth_db_pool_waiting", "Requests that wait for a connection.", _waiting)


def note_pool() -> None:
    """Count what happened since the last time."""
    stats = _stats()
    for event, name in _EVENTS.items():
        happened = stats.get(name, 0)
        EVENTS.add(event, amount=max(0, happened - _last_counts.get(name, 0)))
        _last_counts[name] = happened


def _connections() -> dict[Labels, float]:
    stats = _stats()
    if not stats:
        return {}
    sizes = {state: stats.get(name, 0) for state, name in _SIZES.items()}
    sizes["in_use"] -= sizes["idle"]
    return {(state,): size for state, size in sizes.items()}


def _waiting() -> dict[Labels, float]:
    stats = _stats()
    return {(): stats.get("requests_waiting", 0)} if stats else {}


def _stats() -> dict[str, int]:
    pool = getattr(connection, "pool", None)
    return dict(pool.get_stats()) if pool else {}

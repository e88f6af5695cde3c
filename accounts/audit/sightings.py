"""Events that any request may bring about again and again: logins, refusals.

Of what is the same within a while, one event is kept. A process notices it in memory, and a
thread of it writes a little later: no request waits for the database, and no flood of requests
becomes a flood of rows. What a killed process had not yet written is lost; whoever needs all has
the log, where each line stands at once.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from accounts import statements
from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor, Detail, event_of

MOST_SEEN: Final = 20_000
"""Occasions remembered in memory, so as not to notice them twice."""

MOST_WAITING: Final = 2_000
"""Events in memory while the database does not answer."""

MOST_OF_ONE_ACTOR: Final = 30
"""Events of one action that one actor can bring about within the while of one."""

BATCH_ROWS: Final = 500


@dataclass(slots=True)
class _Memory:
    seen: dict[str, datetime] = field(default_factory=dict)  # and until when
    of_actor: Counter[str] = field(default_factory=Counter)
    waiting: list[AuditEvent] = field(default_factory=list)


_lock = threading.Lock()
_memory = _Memory()


def notice(
    by: Actor,
    action: str,
    target: str,
    *,
    once_in: timedelta,
    key: Iterable[str] = (),
    unless: Callable[[], bool] | None = None,
    now: datetime,
    place: str | None = None,
    **detail: Detail,
) -> bool:
    """Record that ``by`` did ``action`` to ``target``, if that is new; see ``record``.

    Args:
        once_in: how long the same is not recorded again, for all processes together.
        key: what tells apart, beside the actor's name, the action and the target.
        unless: asked before it is recorded, and only when it is new.

    Returns:
        Whether it was new to this process: then a line in the log is due.
    """
    occasion = occasion_of(by.name, action, target, *key, once_in=once_in, now=now)
    if not occasion:
        return False
    if unless is not None and unless():
        return False
    event = event_of(by, action, target, detail, now=now, place=place, occasion=occasion)
    with _lock:
        if len(_memory.waiting) < MOST_WAITING:
            _memory.waiting.append(event)
    return True


def occasion_of(actor: str, action: str, *key: str, once_in: timedelta, now: datetime) -> str:
    """What names this moment's while for all processes; empty when this one knows it already.

    Empty too for an actor who has had as many as one may have.
    """
    window = str(int(now.timestamp() // once_in.total_seconds()))
    of_actor = _fingerprint(action, actor, window)
    occasion = _fingerprint(action, actor, *key, window)
    with _lock:
        if occasion in _memory.seen or _memory.of_actor[of_actor] >= MOST_OF_ONE_ACTOR:
            return ""
        _make_room(now)
        _memory.seen[occasion] = _memory.seen[of_actor] = now + once_in
        _memory.of_actor[of_actor] += 1
    return occasion


def flush_sightings() -> int:
    """Write what was noticed; return how many events that were. Others may have written them.

    What cannot be written is kept for the next time.
    """
    with _lock:
        batch, _memory.waiting = _memory.waiting, []
    rest = statements.write_in_batches(batch, _write, size=BATCH_ROWS, what="what was noticed")
    if rest:
        with _lock:
            _memory.waiting = [*rest, *_memory.waiting][:MOST_WAITING]
    return len(batch) - len(rest)


def _write(events: Sequence[AuditEvent]) -> None:
    AuditEvent.objects.bulk_create(events, ignore_conflicts=True)


def forget_sightings() -> None:
    """Drop what was noticed, and notice everything anew."""
    with _lock:
        _memory.seen.clear()
        _memory.of_actor.clear()
        _memory.waiting.clear()


def _make_room(now: datetime) -> None:
    """Forget what is over; when that is not enough, all. Rows are unique by themselves."""
    if len(_memory.seen) < MOST_SEEN:
        return
    _memory.seen = {key: until for key, until in _memory.seen.items() if until > now}
    if len(_memory.seen) >= MOST_SEEN:
        _memory.seen.clear()
    _memory.of_actor = Counter(
        {key: count for key, count in _memory.of_actor.items() if key in _memory.seen}
    )


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

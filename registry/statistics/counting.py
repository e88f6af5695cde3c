"""Counting pulls and pushes without a statement to the database in the request that is counted.

Each process counts in memory, and a thread of it adds what was counted to the rows every few
seconds. What a killed process had not yet added is lost: a handful of counts, and nothing else
stands on them.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final, NamedTuple

from django.db import transaction

from accounts import statements
from registry.metrics.families import Counter as MetricCounter

MAX_KEYS: Final = 50_000  # kept in memory while the database does not answer
BATCH_ROWS: Final = 500

_ADD = """
    INSERT INTO statistics_dailytraffic
        (repository_id, reference, day, pulls, pushes, last_pulled_at)
    SELECT id, %s, %s, %s, %s, %s FROM repositories_repository WHERE id = %s
    ON CONFLICT (repository_id, reference, day) DO UPDATE SET
        pulls = statistics_dailytraffic.pulls + excluded.pulls,
        pushes = statistics_dailytraffic.pushes + excluded.pushes,
        last_pulled_at = CASE
            WHEN statistics_dailytraffic.last_pulled_at > excluded.last_pulled_at
              OR excluded.last_pulled_at IS NULL
            THEN statistics_dailytraffic.last_pulled_at ELSE excluded.last_pulled_at END
"""


class Key(NamedTuple):
    repository_id: int
    reference: str
    day: date


@dataclass(slots=True)
class Count:
    pulls: int = 0
    pushes: int = 0
    last_pulled_at: datetime | None = None

    def add(self, other: "Count") -> None:
        self.pulls += other.pulls
        self.pushes += other.pushes
        pulled_at = other.last_pulled_at
        if pulled_at and (self.last_pulled_at is None or pulled_at > self.last_pulled_at):
            self.last_pulled_at = pulled_at


PULLS: Final = MetricCounter("berth_pulls_total", "Manifests that were handed out.")
PUSHES: Final = MetricCounter("berth_pushes_total", "Manifests that were taken in.")

_lock = threading.Lock()
_counts: dict[Key, Count] = {}


def count_pull(*, repository_id: int, digest: str, tag: str | None = None, now: datetime) -> None:
    """A manifest was handed out, by its digest or by a tag."""
    day = now.date()
    keys = [Key(repository_id, name, day) for name in {"", digest, tag or ""}]
    _count_pull(keys, now)
    statements.each_time(partial(_count_pull, keys))


def _count_pull(keys: Sequence[Key], now: datetime) -> None:
    PULLS.add()
    with _lock:
        for key in keys:
            if count := _counts.get(key):
                count.pulls += 1
                count.last_pulled_at = now
            elif len(_counts) < MAX_KEYS:
                _counts[key] = Count(pulls=1, last_pulled_at=now)


def count_push(*, repository_id: int, now: datetime) -> None:
    """A manifest was taken in."""
    PUSHES.add()
    _remember({Key(repository_id, "", now.date()): Count(pushes=1)})


def flush_counts() -> int:
    """Add what was counted to the rows; return how many rows that concerned.

    What cannot be written is kept for the next time.
    """
    global _counts
    with _lock:
        taken, _counts = _counts, {}
    # In one order, so that processes that write the same rows wait for each other and no more.
    waiting = sorted(taken.items(), key=lambda item: item[0])
    left = statements.write_in_batches(waiting, _write, size=BATCH_ROWS, what="pulls and pushes")
    _remember(dict(left))
    return len(waiting) - len(left)


def forget_counts() -> None:
    """Drop what was counted and not written."""
    with _lock:
        _counts.clear()


def _remember(counts: Mapping[Key, Count]) -> None:
    with _lock:
        for key, count in counts.items():
            if counter := _counts.get(key):
                counter.add(count)
            elif len(_counts) < MAX_KEYS:
                _counts[key] = Count(count.pulls, count.pushes, count.last_pulled_at)


def _write(batch: Sequence[tuple[Key, Count]]) -> None:
    with statements.commit_without_sync(), transaction.atomic():
        for key, count in batch:
            values = [count.pulls, count.pushes, count.last_pulled_at, key.repository_id]
            statements.execute(_ADD, [key.reference, key.day, *values])

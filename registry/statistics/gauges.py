"""What rows say when somebody looks at the whole: queues, jobs, deliveries, clocks.

Every machine tells the same of these. Each costs a statement on an index or on a small table, and
what was found is kept for some seconds, however often it is asked for.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from celery import current_app
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min

from accounts.audit.models import AuditEvent
from registry.blobs.models import UploadSession
from registry.events.models import Delivery, DeliveryState, Event, Hook
from registry.queue.models import Message
from registry.statistics.models import CollectionReport, JobRun, ServerProcess
from registry.statistics.processes import GONE_AFTER, clock_ahead
from registry.statistics.readiness import readiness
from registry.storage.files import disk_of

logger = logging.getLogger(__name__)

_REMEMBERED_SECONDS: Final = 5.0
_MOST_COUNTED: Final = 10_000  # rows of one state: more than that is as bad

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A gauge, or a counter that rows keep."""

    name: str
    text: str
    labels: Labels = ()
    values: Mapping[Labels, float] = field(default_factory=dict)
    is_counter: bool = False


class Readings:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = -_REMEMBERED_SECONDS
        self._readings: list[Reading] = []

    def current(self, *, now: datetime) -> list[Reading]:
        """All that could be read: without its database, a registry tells that it is not ready."""
        with self._lock:
            if time.monotonic() - self._read_at >= _REMEMBERED_SECONDS:
                self._readings = [reading for source in _SOURCES for reading in _read(source, now)]
                self._read_at = time.monotonic()
            return self._readings


Source = Callable[[datetime], list[Reading]]


def _read(source: Source, now: datetime) -> list[Reading]:
    try:
        return source(now)
    except (DatabaseError, OSError) as error:
        logger.warning("%s cannot be told: %s", source.__name__.strip("_"), error)
        return []


def _readiness(now: datetime) -> list[Reading]:
    parts: dict[Labels, float] = {
        (name,): float(works) for name, works in readiness.parts(now=now).items()
    }
    return [Reading("berth_ready", "Whether a part that /readyz names works.", ("part",), parts)]


def _jobs(now: datetime) -> list[Reading]:
    label = ("task",)
    runs = list(JobRun.objects.all())
    every: dict[Labels, float] = {
        (entry["task"],): entry["schedule"].total_seconds()
        for entry in current_app.conf.beat_schedule.values()
    }
    succeeded: dict[Labels, float] = {
        (run.task,): run.started_at.timestamp() + run.seconds for run in runs if not run.has_failed
    }
    return [
        Reading("berth_job_interval_seconds", "How often a job is due.", label, every),
        Reading(
            "berth_job_last_run_timestamp_seconds",
            "When a job began the last time.",
            label,
            {(run.task,): run.started_at.timestamp() for run in runs},
        ),
        Reading(
            "berth_job_last_success_timestamp_seconds",
            "When a job ended, if it went well the last time.",
            label,
            succeeded,
        ),
        Reading(
            "berth_job_last_duration_seconds",
            "How long a job took the last time.",
            label,
            {(run.task,): run.seconds for run in runs},
        ),
        Reading(
            "berth_job_failing",
            "Whether a job failed the last time.",
            label,
            {(run.task,): float(run.has_failed) for run in runs},
        ),
        Reading(
            "berth_job_runs_total",
            "Runs of a job.",
            label,
            {(run.task,): float(run.runs) for run in runs},
            is_counter=True,
        ),
        Reading(
            "berth_job_failures_total",
            "Runs of a job that failed.",
            label,
            {(run.task,): float(run.failures) for run in runs},
            is_counter=True,
        ),
    ]


def _queue(now: datetime) -> list[Reading]:
    text = "Messages of the job queue, where the database keeps it."
    age_text = "How long the message waits that waits longest, where the database keeps the queue."
    if settings.BERTH.BROKER_URL != "django://":
        return [
            Reading("berth_queue_messages", text, ("state",)),
            Reading("berth_queue_oldest_message_seconds", age_text),
        ]
    moment = now.timestamp()
    rows = Message.objects.order_by("pk").values_list("is_parked", "leased_until", "created_at")
    counts: dict[Labels, float] = {("waiting",): 0.0, ("leased",): 0.0, ("parked",): 0.0}
    oldest = now
    for is_parked, leased_until, created_at in rows[:_MOST_COUNTED]:
        state = "parked" if is_parked else "leased" if leased_until > moment else "waiting"
        counts[(state,)] += 1
        if state == "waiting":
            oldest = min(oldest, created_at)
    age: dict[Labels, float] = {(): (now - oldest).total_seconds()}
    return [
        Reading("berth_queue_messages", text, ("state",), counts),
        Reading("berth_queue_oldest_message_seconds", age_text, values=age),
    ]


def _collections(_: datetime) -> list[Reading]:
    reports = list(CollectionReport.objects.all())
    return [
        Reading(
            "berth_collection_last_freed_bytes",
            "Bytes that the last collection freed that freed something.",
            ("task",),
            {(report.task,): float(report.freed_bytes) for report in reports},
        ),
        Reading(
            "berth_collection_problems",
            "Problems that the last report of a collection names.",
            ("task",),
            {(report.task,): float(len(report.problems.splitlines())) for report in reports},
        ),
    ]


def _hooks(now: datetime) -> list[Reading]:
    states = Hook.objects.values_list("state").annotate(Count("pk"))
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING)
    oldest = waiting.aggregate(oldest=Min("created_at"))["oldest"]
    return [
        Reading(
            "berth_hooks", "Hooks by their state.", ("state",), {(s,): float(n) for s, n in states}
        ),
        Reading(
            "berth_hook_deliveries_waiting",
            f"Deliveries that wait, {_MOST_COUNTED} at most.",
            values={(): float(waiting[:_MOST_COUNTED].count())},
        ),
        Reading(
            "berth_hook_oldest_delivery_seconds",
            "How long the delivery waits that waits longest.",
            values={(): (now - oldest).total_seconds() if oldest else 0.0},
        ),
        Reading(
            "berth_events_waiting",
            f"Events that no hook was told of yet, {_MOST_COUNTED} at most.",
            values={(): float(Event.objects.waiting()[:_MOST_COUNTED].count())},
        ),
    ]


def _audit(now: datetime) -> list[Reading]:
    waiting = AuditEvent.objects.filter(to_forward=True).order_by("pk")
    oldest = waiting.values_list("at", flat=True).first()
    return [
        Reading(
            "berth_audit_oldest_waiting_seconds",
            "How long the event of the audit log waits to be told elsewhere that waits longest.",
            values={(): (now - oldest).total_seconds() if oldest else 0.0},
        )
    ]


def _uploads(_: datetime) -> list[Reading]:
    text = f"Upload sessions that are open, {_MOST_COUNTED} at most."
    count = UploadSession.objects.all()[:_MOST_COUNTED].count()
    return [Reading("berth_upload_sessions", text, values={(): float(count)})]


def _disk(_: datetime) -> list[Reading]:
    free: dict[Labels, float] = {}
    size: dict[Labels, float] = {}
    if settings.BLOB_STORE_ROOT is not None:
        usage = disk_of(settings.BLOB_STORE_ROOT)
        free[()], size[()] = float(usage.free), float(usage.total)
    return [
        Reading("berth_disk_free_bytes", "Room where blobs are.", values=free),
        Reading("berth_disk_size_bytes", "Size of that disk.", values=size),
    ]


def _clocks(now: datetime) -> list[Reading]:
    worst: dict[Labels, float] = {}
    alive = ServerProcess.objects.filter(seen_at__gte=now - GONE_AFTER)
    for kind, ahead in alive.values_list("kind", "clock_ahead_seconds")[:_MOST_COUNTED]:
        worst[(kind,)] = max(worst.get((kind,), 0.0), ahead, key=abs)
    return [
        Reading(
            "berth_clock_skew_seconds",
            "How far the clock of this machine is ahead of the database's.",
            values={(): clock_ahead().total_seconds()},
        ),
        Reading(
            "berth_process_clock_skew_seconds",
            "The same of that living process of each kind which is farthest off.",
            ("kind",),
            worst,
        ),
    ]


_SOURCES: Final[tuple[Source, ...]] = (
    _readiness,
    _jobs,
    _queue,
    _collections,
    _hooks,
    _audit,
    _uploads,
    _disk,
    _clocks,
)
readings: Final = Readings()

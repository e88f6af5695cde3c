"""What the status page shows, each part looked up by itself."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.models import Count, Q

from accounts.credentials.models import SigningKey
from registry.queue.models import Message
from registry.statistics.models import JobRun, ServerProcess
from registry.statistics.processes import GONE_AFTER, clock_ahead
from registry.statistics.readiness import pending_migrations
from registry.storage.files import disk_of

LOW_SPACE: Final = 1024**3  # bytes
LATE_BY: Final = 3  # intervals without a run
_PACKAGES: Final = ("Django", "celery", "uvloop", "djangorestframework", "django-allauth")


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    task: str
    every: timedelta
    run: JobRun | None
    next_at: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Queue:
    is_here: bool  # in the database, not in Redis
    waiting: int = 0
    leased: int = 0
    parked: int = 0


@dataclass(frozen=True, slots=True)
class Storage:
    kind: str
    place: str
    free: int | None = None  # bytes; None where nobody can tell
    total: int | None = None
    problem: str = ""

    @property
    def used(self) -> int:
        return (self.total or 0) - (self.free or 0)


@dataclass(frozen=True, slots=True)
class Database:
    kind: str
    version: str
    size: int  # bytes
    pending: int  # migrations


@dataclass(frozen=True, slots=True)
class Key:
    kid: str
    created_at: datetime
    state: str


def jobs(*, now: datetime) -> list[Job]:
    """Every entry of the timetable, with how its last run went."""
    runs = JobRun.objects.in_bulk()
    rows = []
    for name, entry in current_app.conf.beat_schedule.items():
        every: timedelta = entry["schedule"]
        run = runs.get(entry["task"])
        late = run is not None and run.started_at + LATE_BY * every + timedelta(minutes=1) < now
        next_at = run.started_at + every if run else None
        rows.append(Job(name, entry["task"], every, run, next_at, late))
    return sorted(rows, key=lambda job: job.name)


def queue(*, now: datetime) -> Queue:
    if settings.BERTH.BROKER_URL != "django://":
        return Queue(is_here=False)
    is_leased = Q(is_parked=False, leased_until__gt=now.timestamp())
    counts = Message.objects.aggregate(
        waiting=Count("pk", filter=Q(is_parked=False) & ~is_leased),
        leased=Count("pk", filter=is_leased),
        parked=Count("pk", filter=Q(is_parked=True)),
    )
    return Queue(is_here=True, **counts)


def storage() -> Storage:
    name = settings.DISTRIBUTED_STORAGE_PREFERENCE[0]
    driver, parameters = settings.DISTRIBUTED_STORAGE_CONFIG[name]
    root: Path | None = settings.BLOB_STORE_ROOT
    if root is None:
        return Storage(driver, str(parameters.get("s3_bucket", "")))
    try:
        usage = disk_of(root)
    except OSError as error:
        return Storage(driver, str(root), problem=error.strerror or str(error))
    return Storage(driver, str(root), free=usage.free, total=usage.total)


def database() -> Database:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT current_setting('server_version'), pg_database_size(current_database())"
            )
        else:
            cursor.execute(
                "SELECT sqlite_version(), page_count * page_size"
                " FROM pragma_page_count(), pragma_page_size()"
            )
        number, size = cursor.fetchone()
    return Database(connection.display_name, str(number), int(size), pending_migrations())


def processes(*, now: datetime) -> list[ServerProcess]:
    alive = ServerProcess.objects.filter(seen_at__gte=now - clock_ahead() - GONE_AFTER)
    return list(alive.order_by("kind", "name"))


def versions() -> list[tuple[str, str]]:
    components = [("Berth", settings.VERSION), ("Python", platform.python_version())]
    for package in _PACKAGES:
        try:
            components.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return [*components, ("OCI distribution-spec", "1.1"), ("OCI image-spec", "1.1")]


def signing_keys(*, now: datetime) -> list[Key]:
    return [
        Key(key.kid, key.created_at, _state(key, now))
        for key in SigningKey.objects.order_by("-active_from", "pk")
    ]


def all_troubles(*, now: datetime) -> Iterator[str]:
    return troubles(
        jobs=jobs(now=now), queue=queue(now=now), storage=storage(), database=database()
    )


def troubles(
    *, jobs: Sequence[Job], queue: Queue, storage: Storage, database: Database
) -> Iterator[str]:
    """What an administrator should do something about, a sentence each."""
    if storage.problem:
        yield f"The storage cannot be looked at: {storage.problem}."
    if storage.free is not None and storage.free < LOW_SPACE:
        yield "The disk of the storage is nearly full: make room, or add a larger disk."
    if database.pending:
        yield f"{database.pending} migrations are not applied. Run: python manage.py migrate"
    if queue.parked:
        yield (
            f"{queue.parked} jobs were given up after several attempts. Look at their errors,"
            " then try again or delete them in the administration."
        )
    if failed := [job.name for job in jobs if job.run and job.run.has_failed]:
        yield f"These jobs failed the last time: {', '.join(failed)}."
    if late := [job.name for job in jobs if job.is_late]:
        yield f"These jobs are late: {', '.join(late)}. Is the jobs process alive?"


def _state(key: SigningKey, now: datetime) -> str:
    if key.active_from > now:
        return "published, signs soon"
    return "signs" if key.retired_at is None or key.retired_at > now else "retired, still verifies"

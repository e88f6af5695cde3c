"""The Celery app: which broker, how jobs are delivered, and the timetable.

Everywhere a job is a nudge to work that stands in rows, so it may come late, twice or never.
"""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from celery import Celery, Task, bootsteps
from celery.signals import setup_logging, task_postrun, task_prerun, worker_ready
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from registry.metrics.traces import Begun

    _Task = Task[Any, Any]
else:
    _Task = Task

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# They tell of what happened before, and change nothing that anybody pushed or set.
GO_ON_READ_ONLY = frozenset(
    {"audit.forward", "events.deliver", "events.mail_notices", "mail.send_waiting"}
)
LEASE_SECONDS = 3600  # a job that takes longer is delivered a second time


def every(*, task: str, minutes: int = 0, seconds: int = 0) -> dict[str, Any]:
    """A timetable entry. When no worker takes a nudge in time, the next one replaces it."""
    interval = timedelta(minutes=minutes, seconds=seconds)
    return {
        "task": task,
        "schedule": interval,
        "options": {"expires": interval.total_seconds()},
    }


def prefix() -> str:
    """Before each key in Redis. Two registries that share one do not take each other's jobs."""
    try:
        return f"berth-{salted_hmac('berth.queue', '').hexdigest()[:12]}:"
    except ImproperlyConfigured:  # the first start has not made the key yet, nor jobs
        return ""


class Job(_Task):
    """A task, which waits for better times while the registry is read-only."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if settings.BERTH.is_read_only and self.name not in GO_ON_READ_ONLY:
            return None
        return super().__call__(*args, **kwargs)


app = Celery("berth", task_cls=Job)
app.autodiscover_tasks()
app.conf.update(
    broker_url=settings.BERTH.BROKER_URL,
    broker_transport_options={
        "visibility_timeout": LEASE_SECONDS,
        # Of Redis only.
        "global_keyprefix": prefix(),
        "socket_connect_timeout": 5,
        "socket_timeout": 15,  # longer than a worker asks Redis to wait for a job
        "socket_keepalive": True,
    },
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    # A job is acknowledged when it is done, and taken one at a time: a kill loses nothing.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    timezone="UTC",
    worker_pool="threads",
    worker_concurrency=settings.BERTH.JOB_THREADS,
    # Remote control would need messages to all workers, which the database broker has not.
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    beat_schedule_filename=str(settings.DATA_DIR / "beat-schedule"),
    beat_schedule={
        "delete stale uploads": every(task="blobs.delete_stale_uploads", minutes=10),
        "sweep expired tags": every(task="tags.sweep_expired", minutes=1),
        "check signatures again": every(task="verification.recompute", minutes=1),
        "delete expired credentials": every(task="credentials.delete_expired", minutes=60),
        "rotate the audit log": every(task="audit.rotate", minutes=60),
        "forward the audit log": every(task="audit.forward", seconds=15),
        "tell of exported logs": every(task="audit.tell_of_exports", minutes=1),
        "send waiting mail": every(task="mail.send_waiting", minutes=1),
        "tell of events": every(task="events.deliver", seconds=10),
        "mail notices": every(task="events.mail_notices", minutes=5),
        "forget old events": every(task="events.forget_old", minutes=60),
        "look for tokens that end": every(task="events.look_ahead", minutes=60),
        "look for tags that expire": every(task="tags.look_ahead", minutes=60),
        "inspect what no push did": every(task="inspection.inspect_pending", minutes=1),
        "list files of layers": every(task="inspection.list_layers", seconds=10),
        "collect garbage": every(
            task="gc.collect", seconds=settings.BERTH.GARBAGE_COLLECTION_FREQUENCY
        ),
        "apply retention rules": every(
            task="retention.run", seconds=settings.BERTH.AUTO_PRUNING_POLL_PERIOD
        ),
        "compare database and store": every(task="gc.reconcile_store", minutes=360),
        "survey the storage": every(task="statistics.survey_storage", minutes=30),
        "delete old statistics": every(task="statistics.delete_old", minutes=720),
        "clean the store": every(task="storage.clean", minutes=360),
    },
)
app.user_options["worker"].add(
    click.Option(("--with-timetable",), is_flag=True, help="Also send the periodic jobs.")
)


_begun: dict[str, tuple[datetime, float, "Begun | None"]] = {}  # by the id of a run


@worker_ready.connect
def _start_rounds(**_: object) -> None:
    from config.serving.rounds import start_rounds

    start_rounds("jobs")


@task_prerun.connect
def _note_begin(task_id: str, **_: object) -> None:
    from registry.metrics import traces

    _begun[task_id] = datetime.now(UTC), time.monotonic(), traces.begin("job")


@task_postrun.connect
def _note_end(task_id: str, task: Any, retval: Any = None, **_: object) -> None:
    from registry.statistics.jobs import note_run

    started_at, clock, begun = _begun.pop(task_id, (datetime.now(UTC), time.monotonic(), None))
    if begun:
        begun.end(task.name, {}, has_failed=isinstance(retval, BaseException))
    note_run(
        task=task.name,
        started_at=started_at,
        lasted=timedelta(seconds=time.monotonic() - clock),
        error=retval if isinstance(retval, BaseException) else None,
    )


@setup_logging.connect
def _keep_djangos_logging(**_: object) -> None:
    """Celery sets up logging of its own unless somebody answers this signal."""


class TimetableStep(bootsteps.StartStopStep):
    """Keeps the timetable in a thread of the worker that runs ``--with-timetable``.

    Not ``worker -B``: that starts a child process, which outlives a killed worker and goes on
    sending.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, with_timetable: bool = False, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self.enabled = with_timetable
        self.timetable: Any = None
        self.thread: threading.Thread | None = None

    def start(self, worker: Any) -> None:
        from config.serving.timetable import Timetable

        self.timetable = Timetable(worker.app)
        self.thread = threading.Thread(target=self.timetable.run, name="timetable", daemon=True)
        self.thread.start()

    def stop(self, worker: Any) -> None:
        if self.thread is not None:
            self.timetable.end()
            self.thread.join()
            self.thread = None


@app.on_after_configure.connect
def _add_timetable(sender: Celery, **_: object) -> None:
    sender.steps["worker"].add(TimetableStep)

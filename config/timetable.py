"""Sends the periodic jobs from a thread of the worker: one process instead of two.

Not ``worker -B``: that starts a child process, which outlives a killed worker and goes on sending.
"""

from typing import Any

from celery import bootsteps
from celery.beat import EmbeddedService


class Timetable(bootsteps.StartStopStep):
    """Celery's beat as a thread, when the worker runs with ``--with-timetable``."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, with_timetable: bool = False, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self.enabled = with_timetable
        self.service: Any = None

    def start(self, worker: Any) -> None:
        self.service = EmbeddedService(worker.app, thread=True)
        self.service.start()

    def stop(self, worker: Any) -> None:
        if self.service is not None:
            self.service.stop()
            self.service = None

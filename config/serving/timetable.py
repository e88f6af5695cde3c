"""Sends the periodic jobs, from one process of a registry at a time, on whichever machine."""

import logging
import threading
from datetime import datetime, timedelta
from typing import Any, Final

from celery import Celery
from celery.beat import EmbeddedService
from django.db import DatabaseError, connection
from django.utils import timezone

from registry.gc.models import give_back, keep_turn, take_turn

logger = logging.getLogger(__name__)

LASTING: Final = timedelta(minutes=1)
_LOOK_SECONDS = 15
_NAME = "timetable"


class Timetable:
    """Celery's own service for periodic jobs, which runs while this process has the turn.

    A process that is killed keeps its turn for a minute: no job comes twice, and each is a nudge
    that may come late. With SQLite there is one machine, and no turns.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._ending = threading.Event()
        self._taken_at: datetime | None = None
        self._service: Any = None

    def run(self) -> None:
        """Return when ``end`` was called, on another thread or by a signal."""
        try:
            while not self._ending.is_set():
                self._look(timezone.now())
                connection.close()
                self._ending.wait(_LOOK_SECONDS)
        finally:
            self._stop_sending()
            if self._taken_at and connection.vendor != "sqlite":
                give_back(_NAME, now=self._taken_at, lasting=LASTING)
            connection.close()

    def end(self) -> None:
        self._ending.set()

    def _look(self, now: datetime) -> None:
        try:
            self._taken_at = now if self._has_turn(now) else None
        except DatabaseError as error:
            logger.warning("the turn of the timetable cannot be looked at: %s", error)
            if self._taken_at and now >= self._taken_at + LASTING:
                self._taken_at = None
        if self._taken_at is None:
            self._stop_sending()
        elif self._service is None:
            self._service = EmbeddedService(self._app, thread=True)
            self._service.start()

    def _has_turn(self, now: datetime) -> bool:
        if connection.vendor == "sqlite":
            return True
        if self._taken_at and keep_turn(_NAME, taken_at=self._taken_at, now=now, lasting=LASTING):
            return True
        return take_turn(_NAME, now=now, lasting=LASTING)

    def _stop_sending(self) -> None:
        if self._service is not None:
            self._service.stop()
            self._service = None

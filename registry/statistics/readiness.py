"""Whether this process can do its work now: what load balancers and clusters ask every second."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts.credentials.keys import SigningKeyUnreadable, signing_key
from artifacts.oci.errors import Unavailable
from registry.storage.select import blob_store

logger = logging.getLogger(__name__)

_REMEMBERED_SECONDS = 1.0
_WAIT_SECONDS = 2.0  # for another request that is looking


class NotReady(Exception):
    """One part does not do its work. For administrators; who asks is told no more than its name."""


class Readiness:
    """Looks at the parts at most once a second, whoever asks and however often."""

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._looked_at = -_REMEMBERED_SECONDS
        self._states: Mapping[str, bool] = dict.fromkeys(_PARTS, False)

    def parts(self, *, now: datetime) -> Mapping[str, bool]:
        """The names of the parts, and whether each works.

        None does while an earlier look is taking long: a part that does not answer is not there.
        """
        if not self._looking.acquire(timeout=_WAIT_SECONDS):
            return dict.fromkeys(_PARTS, False)
        try:
            if time.monotonic() - self._looked_at >= _REMEMBERED_SECONDS:
                self._states = {name: _works(name, now) for name in _PARTS}
                self._looked_at = time.monotonic()
            return self._states
        finally:
            self._looking.release()


def is_draining() -> bool:
    """Whether this Berth is about to end, and wants no more requests."""
    return settings.DRAINING_FILE.exists()


def pending_migrations() -> int:
    """How many the database lacks that this version knows. Raises ``DatabaseError``."""
    connection.ensure_connection()
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _works(name: str, now: datetime) -> bool:
    try:
        _PARTS[name](now)
    except (NotReady, DatabaseError, Unavailable, SigningKeyUnreadable) as error:
        why = getattr(error, "why", "") or str(error)
        logger.warning("not ready: %s: %s", name, " ".join(why.split())[:500])
        return False
    return True


def _database(_: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrations(_: datetime) -> None:
    """Looked at until they are complete: no version of ours takes one back."""
    if not _migrated.is_set():
        if pending := pending_migrations():
            raise NotReady(f"{pending} migrations are not applied")
        _migrated.set()


def _storage(_: datetime) -> None:
    blob_store().require()


def _signing_key(now: datetime) -> None:
    signing_key(now=now)


_migrated = threading.Event()
_PARTS: Mapping[str, Callable[[datetime], None]] = {
    "database": _database,
    "migrations": _migrations,
    "storage": _storage,
    "signing_key": _signing_key,
}
readiness = Readiness()

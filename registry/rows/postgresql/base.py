"""Django's backend for PostgreSQL, which says soon that the server is away, and at once to those
who ask next. ``ENGINE`` names the package.

A pool alone lets each request wait as long as for a busy server, and those behind it for their
threads.
"""

import threading
import time
from typing import Any, Final

from django.db.backends.postgresql import base
from psycopg import IsolationLevel
from psycopg_pool import ConnectionPool, PoolTimeout

from registry.metrics import traces
from registry.rows.postgresql.watched import Watched, server

_LOOK_SECONDS: Final = 1.0  # without a connection, until it is asked why
_TRY_SECONDS: Final = 0.25  # for the one request that tries while the server is away

Pool = ConnectionPool[Any]


class ServerAway(PoolTimeout):
    """The server does not answer. An ``OperationalError``, as that of Django is then."""


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, settings_dict: dict[str, Any], *arguments: Any, **more: Any) -> None:
        super().__init__(settings_dict, *arguments, **more)
        if isinstance(pool := self.settings_dict["OPTIONS"].get("pool"), dict):
            pool["connection_class"] = Watched
        if traces.are_wanted():
            self.execute_wrappers.append(traces.statement)

    def get_new_connection(self, conn_params: Any) -> Any:
        pool: Pool | None = self.pool
        if pool is None:
            return super().get_new_connection(conn_params)
        self.isolation_level = IsolationLevel.READ_COMMITTED  # as Django's own does
        pool.open()
        return _absence.connection(pool)


class _Absence:
    """Whether the server is away, as the requests of this process found out."""

    def __init__(self) -> None:
        self._found_at = 0.0
        self._trying = threading.Lock()

    def connection(self, pool: Pool) -> Any:
        """A connection of the pool. Raises ``PoolTimeout``."""
        if not server.is_away:
            return self._found(pool)
        if not self._trying.acquire(blocking=False):
            raise ServerAway("the database does not answer")
        try:
            return self._taken(pool, _TRY_SECONDS)
        finally:
            self._trying.release()

    def _found(self, pool: Pool) -> Any:
        """Waits as long as may be while others get connections, or nobody failed to make one."""
        began, failures = time.monotonic(), _failures(pool)
        try:
            return self._taken(pool, min(_LOOK_SECONDS, pool.timeout))
        except PoolTimeout:
            if server.is_away:
                raise
            if self._found_at < began and _failures(pool) > failures:
                server.is_away = True
                raise
        return self._taken(pool, max(0.0, began + pool.timeout - time.monotonic()))

    def _taken(self, pool: Pool, seconds: float) -> Any:
        connection = pool.getconn(seconds)
        self._found_at = time.monotonic()
        server.is_away = False
        return connection


def _failures(pool: Pool) -> int:
    """How often a connection could not be made."""
    return pool.get_stats().get("connections_errors", 0)


_absence = _Absence()

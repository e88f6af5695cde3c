"""What PostgreSQL shows at a moment, by a name that is another after each commit.

A snapshot says which transactions are over. Two of the same text show the same rows: whoever
commits in between is among those that are over, or was the last that began. Other databases of
the same server have the same numbers: who commits there changes the name, too.

Source: PostgreSQL, "System Information Functions", ``pg_current_snapshot``.
"""

import asyncio
from concurrent.futures import Future
from typing import Final

from django.db import connection

from config.front_door.threads import Threads
from registry.rows.connections import connection_of_a_call

# Of the requests before, how many found an answer: where so few did, most are not asked for.
_LEAST_LUCK: Final = 0.1
_WEIGHT: Final = 0.02  # of one request
_TRIED: Final = 32  # one in so many is, to see whether that has changed


class Snapshots:
    """Asks for all requests that wait at once. For one event loop."""

    def __init__(self, *, idle_seconds: float) -> None:
        self._thread = Threads(1, idle_seconds=idle_seconds)
        self._next: asyncio.Future[str] | None = None  # of those that came since it was last asked
        self._is_asking = False
        self._luck = 1.0
        self._count = 0

    def is_worth_asking(self) -> bool:
        """Mostly false where others commit so often that next to nothing is given twice."""
        self._count += 1
        return self._luck >= _LEAST_LUCK or self._count % _TRIED == 0

    def note(self, *, found: bool) -> None:
        """Whether the snapshot led to an answer."""
        self._luck += _WEIGHT * (found - self._luck)

    async def now(self) -> str:
        """One taken after this was called. Raises ``DatabaseError`` and ``InterfaceError``."""
        waiting = self._next
        if waiting is None:
            waiting = self._next = asyncio.get_running_loop().create_future()
            if not self._is_asking:
                self._ask(waiting)
        return await asyncio.shield(waiting)

    def _ask(self, waiting: "asyncio.Future[str]") -> None:
        self._next, self._is_asking = None, True
        loop = asyncio.get_running_loop()
        asking = self._thread.submit(_current)
        asking.add_done_callback(lambda done: loop.call_soon_threadsafe(self._tell, waiting, done))

    def _tell(self, waiting: "asyncio.Future[str]", done: "Future[str]") -> None:
        self._is_asking = False
        if self._next:
            self._ask(self._next)
        if error := done.exception():
            waiting.set_exception(error)
            waiting.exception()  # whoever waited may be gone
        else:
            waiting.set_result(done.result())


def _current() -> str:
    with connection_of_a_call(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text")
        (snapshot,) = cursor.fetchone()
        return str(snapshot)

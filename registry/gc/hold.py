"""No bytes are collected while somebody copies the registry: a row with an end, which is renewed.

A holder that is killed holds for ten minutes more. Rows may go meanwhile: whoever copies has read
them before, at one moment.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection, transaction

from registry.blobs.models import Blob
from registry.gc.models import HOLD, Turn, keep_turn, take_turn

LASTING = timedelta(minutes=10)
_RENEWED_AFTER = timedelta(minutes=1)


class HoldLost(Exception):
    """The hold ran out, so bytes may have been collected."""

    def __init__(self) -> None:
        super().__init__(
            "this was stopped for so long that blobs may have been collected; begin again, and"
            " what is copied stays"
        )


class Hold:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._name = f"{HOLD}{uuid4().hex}"
        self._taken_at = clock()

    def take(self) -> None:
        """From the return on no bytes go that a row named then."""
        with transaction.atomic(durable=True):
            if connection.vendor == "postgresql":
                # Who has chosen rows to delete has locked them, and is waited for; who comes
                # later sees the hold.
                with connection.cursor() as cursor:
                    cursor.execute(f"LOCK TABLE {Blob._meta.db_table} IN EXCLUSIVE MODE")
            take_turn(self._name, now=self._taken_at, lasting=LASTING)

    def renew(self) -> None:
        """To be called at least every few minutes. Raises ``HoldLost``."""
        now = self._clock()
        if now < self._taken_at + _RENEWED_AFTER:
            return
        is_over = now >= self._taken_at + LASTING
        if is_over or not keep_turn(self._name, taken_at=self._taken_at, now=now, lasting=LASTING):
            raise HoldLost
        self._taken_at = now

    def end(self) -> None:
        Turn.objects.filter(name=self._name).delete()


@contextmanager
def held(clock: Callable[[], datetime]) -> Iterator[Hold]:
    hold = Hold(clock)
    hold.take()
    try:
        yield hold
    finally:
        hold.end()

"""kombu's transport over Redis, which outlives what others leave there, and a Redis that refuses.

A Redis that is full, or a copy that may only be read, answers; kombu takes that for a mistake of
the caller, and the worker ends.
"""

import logging
import time
from queue import Empty
from typing import Any, Final

from kombu.transport import redis
from redis.exceptions import ResponseError

from registry.queue.nonsense import NONSENSE, LeavesNonsenseOut, leave_out

logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 1


class QoS(redis.QoS):
    """Jobs under way, which Redis keeps until they are acknowledged."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        try:
            super().restore_by_tag(tag, client, leftmost)
        except NONSENSE as error:
            leave_out(str(self.unacked_key), error)
            channel: Any = self.channel
            forget: Any = getattr(self, "_remove_from_indices")  # noqa: B009 - not in kombu's types
            with channel.conn_or_acquire(client) as connected:
                forget(tag, connected.pipeline()).execute()


class Channel(LeavesNonsenseOut, redis.Channel):
    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except NONSENSE as error:
            leave_out(", ".join(self.active_queues), error)
        except ResponseError as error:
            logger.error("Redis refuses to give jobs: %s", error)  # noqa: TRY400 - whose trace tells nothing
            time.sleep(_PAUSE_SECONDS)
        raise Empty


class Transport(redis.Transport):
    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)

"""kombu's transport over Redis: a kill loses no job, nonsense and refusals end no worker.

kombu takes a job off its list (BRPOP) and notes afterwards that it is under way: a worker killed
between the two loses it. Here a worker waits until the list has an end (BLMOVE from the right end
to the right end changes nothing), and takes what it saw together with its lease in one step.

A Redis that is full, or a copy that may only be read, answers; kombu takes that for a mistake of
the caller, and the worker ends.
"""

import logging
import time
from queue import Empty
from typing import Any, Final

from kombu.transport import redis
from kombu.utils.json import dumps, loads
from redis.exceptions import ResponseError

from registry.queue.nonsense import NONSENSE, LeavesNonsenseOut, leave_out

logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 1
_TURN_SECONDS: Final = 1  # for each of several queues

_TAKE: Final = """
if redis.call("LREM", KEYS[1], -1, ARGV[1]) == 0 then return 0 end
redis.call("ZADD", KEYS[2], ARGV[3], ARGV[2])
redis.call("HSET", KEYS[3], ARGV[2], ARGV[4])
return 1
"""
_FORGET: Final = 'return redis.call("LREM", KEYS[1], -1, ARGV[1])'


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
    # Of kombu's channel, but not in its types.
    _queue_cycle: Any
    _flush_brpop_reauth: Any
    connection_errors: Any

    QoS = QoS
    # One list a queue: a worker can wait for the end of one list only.
    priority_steps = [0]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unacknowledged: set[str] = set()
        self._awaited = ""  # the queue whose end was asked for

    def basic_consume(self, queue: str, no_ack: bool, *arguments: Any, **more: Any) -> str:
        (self._unacknowledged.add if no_ack else self._unacknowledged.discard)(queue)
        return super().basic_consume(queue, no_ack, *arguments, **more)

    def _brpop_start(self, timeout: float | None = None) -> None:
        queues = self._queue_cycle.consume(len(self.active_queues))
        if not queues:
            return
        self._awaited = queues[0]
        seconds = _TURN_SECONDS if len(queues) > 1 else timeout or self.brpop_timeout
        self._in_poll = self.client.connection
        self._brpop_sent_at = time.monotonic()
        key = self._key(self._awaited)
        self.client.connection.send_command("BLMOVE", key, key, "RIGHT", "RIGHT", seconds)

    def _brpop_read(self, **options: Any) -> bool:
        try:
            item = self._read_end(**options)
            if item is not None and self._deliver(item, self._awaited):
                return True
        except ResponseError as error:
            logger.error("Redis refuses to give jobs: %s", error)  # noqa: TRY400 - whose trace tells nothing
            time.sleep(_PAUSE_SECONDS)
        finally:
            self._queue_cycle.rotate(self._awaited)
        raise Empty

    def _read_end(self, **options: Any) -> bytes | None:
        connection = self.client.connection
        try:
            item: bytes | None = self.client.parse_response(connection, "BLMOVE", **options)
        except self.connection_errors:
            connection.disconnect()
            raise
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()
        return item

    def _deliver(self, item: bytes, queue: str) -> bool:
        """Take ``item`` off the end of its queue and hand it on, unless another was quicker."""
        try:
            job = loads(item.decode())
            taken = self._take(item, queue, job)
            if taken:
                self.connection._deliver(job, queue)
        except NONSENSE as error:
            leave_out(queue, error)
            self._forget(item, queue)
            return False
        return taken

    def _take(self, item: bytes, queue: str, job: dict[str, Any]) -> bool:
        if queue in self._unacknowledged:
            return self._forget(item, queue)
        about = job["properties"]["delivery_info"]
        under_way = dumps([job, about["exchange"], about["routing_key"]])
        keys = map(self._key, (queue, self.unacked_index_key, self.unacked_key))
        tag = job["properties"]["delivery_tag"]
        with self.conn_or_acquire() as client:
            done = client.execute_command(
                "EVAL", _TAKE, 3, *keys, item, tag, time.time(), under_way
            )
        return bool(done)

    def _forget(self, item: bytes, queue: str) -> bool:
        with self.conn_or_acquire() as client:
            return bool(client.execute_command("EVAL", _FORGET, 1, self._key(queue), item))

    def _key(self, name: str) -> str:
        return f"{self.global_keyprefix}{name}"


class Transport(redis.Transport):
    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)

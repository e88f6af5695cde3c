"""A kombu transport over the Django ORM: the broker of ``BROKER_URL: django://``.

A message is a row. Taking it puts a lease on the row, acknowledging it deletes the row. A worker
that dies leaves the row behind, and its message is delivered again when the lease ends. A job that
runs longer than the lease therefore runs twice: jobs are bounded batches that may be repeated.

Transport options: ``visibility_timeout`` (lease in seconds), ``max_attempts``,
``polling_interval`` (seconds). Only direct exchanges: there is no remote control.
"""

import logging
import time
from collections.abc import Callable
from queue import Empty
from typing import Any

import django
from django.db import InterfaceError, InternalError, OperationalError, connection
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

from registry.queue import services
from registry.queue.nonsense import NONSENSE, LeavesNonsenseOut, leave_out

logger = logging.getLogger(__name__)

LEASE_SECONDS = 3600
MAX_ATTEMPTS = 5
POLLING_SECONDS = 0.25

_REST_SECONDS = 1.0  # of a worker whose database does not answer
# PostgreSQL that became a standby lets us read only: ``InternalError``.
_BROKEN_CONNECTION = (OperationalError, InterfaceError, InternalError)


class QoS(virtual.QoS):
    """Messages delivered to one channel and not yet acknowledged. They stay in the table.

    Whatever happens to the row, the channel has room for the next message afterwards.
    """

    def ack(self, delivery_tag: str) -> None:
        try:
            _retry_once(lambda: services.acknowledge(message_id=int(delivery_tag)))
        finally:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        settle = services.hand_back if requeue else services.acknowledge
        try:
            _retry_once(lambda: settle(message_id=int(delivery_tag)))
        finally:
            super().ack(delivery_tag)


class Channel(LeavesNonsenseOut, virtual.Channel):
    QoS = QoS
    do_restore = True
    supports_fanout = False

    @property
    def options(self) -> dict[str, Any]:
        return (self.connection.client and self.connection.client.transport_options) or {}

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        message: Any = super().basic_get(queue, no_ack=no_ack, **kwargs)
        if message is not None and no_ack:
            services.acknowledge(message_id=int(message.delivery_tag))
        return message

    def basic_consume(
        self,
        queue: str,
        no_ack: bool,
        callback: Callable[..., Any] | None,
        consumer_tag: str | None,
        **kwargs: Any,
    ) -> str:
        def acknowledge_first(message: Any) -> Any:
            services.acknowledge(message_id=int(message.delivery_tag))
            return callback and callback(message)

        receive = acknowledge_first if no_ack else callback
        return super().basic_consume(queue, no_ack, receive, consumer_tag, **kwargs)

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        services.publish(queue=queue, body=dumps(message))

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        try:
            lease = services.lease(
                queue=queue,
                now=time.time(),
                lease_seconds=self.options.get("visibility_timeout", LEASE_SECONDS),
                max_attempts=self.options.get("max_attempts", MAX_ATTEMPTS),
            )
        except _BROKEN_CONNECTION:
            _drop_connection()
            time.sleep(_REST_SECONDS)  # it asks again at once
            raise
        if lease is None:
            raise Empty
        try:
            return self._message_of(lease)
        except NONSENSE as error:
            leave_out(queue, error)
            services.acknowledge(message_id=lease.message_id)
            raise Empty from None

    def _message_of(self, lease: services.Lease) -> dict[str, Any]:
        message: dict[str, Any] = loads(lease.body)
        # The row's number, not the publisher's tag: one message may be sent to two queues.
        message["properties"]["delivery_tag"] = str(lease.message_id)
        message["properties"]["delivery_info"]["redelivered"] = lease.attempts > 0
        self.Message(message, channel=self)  # reads the rest
        return message

    def _restore(self, message: Any) -> None:
        """The channel closes before this message was worked on: let another worker have it."""
        try:
            services.hand_back_untouched(message_id=int(message.delivery_tag))
        except _BROKEN_CONNECTION:
            _drop_connection()
            logger.warning("message %s waits until its lease ends", message.delivery_tag)

    def _size(self, queue: str) -> int:
        return services.size(queue=queue)

    def _purge(self, queue: str) -> int:
        return services.purge(queue=queue)


class Transport(virtual.Transport):
    """Connects kombu with the table. The worker starts anew on the errors listed here."""

    Channel = Channel
    driver_type = "sql"
    driver_name = "django"
    polling_interval = POLLING_SECONDS
    connection_errors = (*virtual.Transport.connection_errors, *_BROKEN_CONNECTION)
    implements = virtual.Transport.implements.extend(
        asynchronous=False, exchange_type=frozenset(["direct"])
    )
    # Bindings of queues to exchanges, declared by each process for itself.
    global_state = virtual.BrokerState()

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = self.global_state

    @property
    def default_connection_params(self) -> dict[str, Any]:
        return {}  # nothing to connect to but Django's own database

    def driver_version(self) -> str:
        return django.__version__


def _retry_once(operation: Callable[[], None]) -> None:
    """A job may have run for an hour, and the database restarted meanwhile."""
    try:
        operation()
    except _BROKEN_CONNECTION:
        if connection.in_atomic_block:
            raise
        _drop_connection()
        operation()


def _drop_connection() -> None:
    """Close a connection that failed, so that the next query opens a new one."""
    if not connection.in_atomic_block:
        connection.close()

"""What every broker must do, the embedded one and Redis."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Message
from kombu.simple import SimpleQueue


def queue(connection: Connection) -> SimpleQueue:
    return connection.SimpleQueue("jobs")


def another(connection: Connection) -> Connection:
    """A second consumer, as another worker would connect."""
    return connection.clone()


def receive(connection: Connection, *, within_seconds: float = 90) -> Message | None:
    """The next message as a worker gets it, or ``None``.

    Kombu looks for what came back to Redis at every tenth time that nothing came: after 15
    seconds where nothing else runs.
    """
    received: list[Message] = []
    jobs = queue(connection)
    with connection.Consumer(jobs.queue, on_message=received.append):
        deadline = time.monotonic() + within_seconds
        while not received and time.monotonic() < deadline:
            try:
                connection.drain_events(timeout=0.1)
            except socket.timeout:  # noqa: UP041 - kombu raises its own kind
                continue
    return received[0] if received else None


def test_a_message_arrives_as_it_was_sent(connection: Connection) -> None:
    queue(connection).put({"name": "é", "rows": [1, None]}, headers={"task": "t"})

    message = queue(connection).get(timeout=20)

    assert message.payload == {"name": "é", "rows": [1, None]}
    assert message.headers["task"] == "t"
    message.ack()


def test_messages_arrive_in_the_order_they_were_sent(connection: Connection) -> None:
    for number in range(5):
        queue(connection).put(number)

    received = [queue(connection).get(timeout=20) for _ in range(5)]

    assert [message.payload for message in received] == [0, 1, 2, 3, 4]
    for message in received:
        message.ack()


def test_an_empty_queue_has_nothing_to_give(connection: Connection) -> None:
    with pytest.raises(Empty):
        queue(connection).get(block=False)


def test_an_acknowledged_message_never_comes_back(connection: Connection) -> None:
    queue(connection).put("once")
    queue(connection).get(timeout=20).ack()

    with another(connection) as second:
        assert receive(second, within_seconds=2) is None


def test_a_rejected_message_never_comes_back(connection: Connection) -> None:
    queue(connection).put("bad")
    queue(connection).get(timeout=20).reject()

    with another(connection) as second:
        assert receive(second, within_seconds=2) is None


def test_a_requeued_message_comes_back_at_once(connection: Connection) -> None:
    queue(connection).put("again")
    queue(connection).get(timeout=20).requeue()

    message = queue(connection).get(timeout=20)

    assert message.payload == "again"
    assert message.delivery_info["redelivered"]
    message.ack()


def test_a_message_that_is_held_goes_to_nobody_else(connection: Connection) -> None:
    queue(connection).put("mine")
    held = queue(connection).get(timeout=20)

    with another(connection) as second:
        assert receive(second, within_seconds=0.5) is None
    held.ack()


def test_a_message_comes_back_when_its_consumer_goes_away(connection: Connection) -> None:
    with another(connection) as first:
        queue(connection).put("orphan")
        queue(first).get(timeout=20)

    message = receive(connection)

    assert message is not None
    assert message.payload == "orphan"
    message.ack()


def test_a_message_comes_back_when_its_lease_has_ended(connection: Connection) -> None:
    silent = another(connection)
    queue(connection).put("late")
    queue(silent).get(timeout=20)

    message = receive(connection)

    assert message is not None
    assert message.payload == "late"
    message.ack()
    silent.release()


def test_a_message_taken_without_acknowledgement_is_gone(connection: Connection) -> None:
    queue(connection).put("glance")
    with another(connection) as hasty:
        assert hasty.SimpleQueue("jobs", no_ack=True).get(timeout=20).payload == "glance"

    assert receive(connection, within_seconds=2) is None


@pytest.mark.parametrize(
    "look", [lambda jobs: jobs.qsize(), lambda jobs: jobs.clear()], ids=["size", "purge"]
)
def test_waiting_messages_are_counted_and_purged(
    connection: Connection, look: Callable[[SimpleQueue], int]
) -> None:
    jobs = queue(connection)
    for number in range(3):
        jobs.put(number)

    assert look(jobs) == 3


class Killed(BaseException):
    """Ends a worker in the middle of a step, as SIGKILL does: nothing is tidied up."""


def test_a_worker_killed_as_it_takes_a_message_loses_it_not(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    queue(connection).put("taken")
    victim = another(connection)
    channel: Any = victim.channel()
    with monkeypatch.context() as patches:
        patches.setattr(type(channel.qos), "append", killed)
        with pytest.raises(Killed):
            receive(victim)

    message = receive(connection)

    assert message is not None
    assert message.payload == "taken"
    message.ack()


def test_a_message_of_one_of_several_queues_arrives(connection: Connection) -> None:
    connection.SimpleQueue("second").put("there")
    received: list[Message] = []
    queues = [connection.SimpleQueue(name).queue for name in ("jobs", "second")]
    with connection.Consumer(queues, on_message=received.append):
        deadline = time.monotonic() + 30
        while not received and time.monotonic() < deadline:
            with suppress(TimeoutError):
                connection.drain_events(timeout=0.1)

    assert [message.payload for message in received] == ["there"]
    received[0].ack()

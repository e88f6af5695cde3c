"""What is no job is left out, and a Redis that refuses is waited for: a consumer goes on."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kombu import Connection, Consumer, Queue
from redis import Redis

from registry.queue import redis_transport, services

JOBS = Queue("jobs", routing_key="jobs")


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url.replace("redis+socket", "unix")) as client:
        client.flushall()
        yield client


@contextmanager
def consumer(connection: Connection) -> Iterator[Callable[[], list[Any]]]:
    """A consumer; calling it gives what comes until nothing comes any more."""
    found: list[Any] = []

    def take(body: Any, message: Any) -> None:
        found.append(body)
        message.ack()

    def drain() -> list[Any]:
        found.clear()
        for _ in range(20):
            try:
                connection.drain_events(timeout=0.2)
            except TimeoutError:
                break
        return found

    with connection.channel() as channel, Consumer(channel, JOBS, callbacks=[take]):
        yield drain


def read(connection: Connection) -> list[Any]:
    with consumer(connection) as drain:
        return drain()


NO_MESSAGES = [
    *("", "x", "null", "1", "[]", "{}", '"a"', "[" * 100_000, '{"body": 1}', '{"properties": []}'),
    json.dumps({"body": "e30=", "properties": {"delivery_tag": "1", "delivery_info": None}}),
]


@pytest.mark.parametrize("nonsense", NO_MESSAGES)
@pytest.mark.parametrize("broker_url", ["django"], indirect=True)
def test_a_row_that_is_no_message_is_left_out(connection: Connection, nonsense: str) -> None:
    services.publish(queue="jobs", body=nonsense)
    connection.Producer().publish({"a": 1}, routing_key="jobs", exchange="", declare=[JOBS])

    assert read(connection) == [{"a": 1}]
    assert services.size(queue="jobs") == 0


@pytest.mark.parametrize("nonsense", NO_MESSAGES)
def test_an_item_in_redis_that_is_no_message_is_left_out(
    redis_url: str, redis: Redis, nonsense: str
) -> None:
    redis.rpush("jobs", nonsense)
    with Connection(redis_url) as connection:
        connection.Producer().publish({"a": 1}, routing_key="jobs", exchange="", declare=[JOBS])

        assert read(connection) == [{"a": 1}]


@pytest.mark.parametrize("nonsense", [b"", b"x", b"\xff", b"[]", b"[1, 2, 3]", b'[{}, 1, "jobs"]'])
def test_what_is_under_way_and_no_job_is_left_out(
    redis_url: str, redis: Redis, nonsense: bytes
) -> None:
    redis.hset("unacked", "7", nonsense)
    redis.zadd("unacked_index", {"7": 1})
    with Connection(redis_url) as connection, connection.channel() as channel:
        channel.qos.restore_visible()  # type: ignore[attr-defined]

    assert redis.zcard("unacked_index") == 0


@pytest.mark.parametrize(
    ("refuse", "work"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
)
def test_a_redis_that_refuses_is_waited_for(
    redis_url: str,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
    refuse: tuple[str, ...],
    work: tuple[str, ...],
) -> None:
    monkeypatch.setattr(redis_transport, "_PAUSE_SECONDS", 0)
    with Connection(redis_url) as connection, consumer(connection) as drain:
        producer = connection.Producer()
        redis.execute_command(*refuse)  # type: ignore[no-untyped-call]
        try:
            assert drain() == []
        finally:
            redis.execute_command(*work)  # type: ignore[no-untyped-call]
        producer.publish({"b": 1}, routing_key="jobs", exchange="")

        assert drain() == [{"b": 1}]

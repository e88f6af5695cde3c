"""Real workers in processes of their own: nothing is lost when they are killed or compete."""

import json
import pickle
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.live import ROOT, copy_prepared_folder, server_environment

APP = "tests.registry.queue.jobs"


@pytest.fixture
def environment(tmp_path: Path, broker_url: str) -> dict[str, str]:
    """A database and a broker that several processes can use."""
    copy_prepared_folder(tmp_path / "data")
    variables = server_environment(tmp_path / "data") | {
        "BERTH_BROKER_URL": broker_url,
        "CELERY_SKIP_CHECKS": "1",
        "NOTES": str(tmp_path / "notes"),
        "PYTHONPATH": str(ROOT),
    }
    return variables


def run(variables: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=variables, check=True)


def send(variables: dict[str, str], *, count: int, seconds: float) -> None:
    script = f"from {APP} import send; send({count}, {seconds})"
    run(variables, "manage.py", "shell", "--verbosity", "0", "--command", script)


@contextmanager
def worker(variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "--quiet", "-A", APP, "worker", "--without-gossip",
         "--without-mingle", "--without-heartbeat"],
        cwd=ROOT,
        env=variables,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(variables: dict[str, str], *, count: int, within_seconds: float = 200) -> list[int]:
    """The jobs done so far, once at least ``count`` different ones are."""
    deadline = time.monotonic() + within_seconds
    while True:
        done = notes(variables)
        if len(set(done)) >= count:
            return done
        assert time.monotonic() < deadline, f"only {sorted(set(done))} were done"
        time.sleep(0.05)


def notes(variables: dict[str, str]) -> list[int]:
    file = Path(variables["NOTES"])
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_killed_worker_loses_no_job(environment: dict[str, str]) -> None:
    send(environment, count=12, seconds=0.2)
    with worker(environment) as first:
        wait_for(environment, count=3)
        first.kill()

    with worker(environment):
        wait_for(environment, count=12)


def test_two_workers_do_each_job_once(environment: dict[str, str]) -> None:
    environment["LEASE_SECONDS"] = "600"
    send(environment, count=100, seconds=0)

    with worker(environment), worker(environment):
        done = wait_for(environment, count=100)
        time.sleep(1)

    assert sorted(done) == sorted(notes(environment)) == list(range(100))


def job(**parts: Any) -> bytes:
    """A job as kombu writes it, with some part of another kind."""
    whole = {
        "body": b64encode(json.dumps([["1"], {}, {}]).encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "tests.note", "id": "2", "lang": "py"},
        "properties": {
            "delivery_info": {"exchange": "", "routing_key": "celery"},
            "delivery_tag": "2",
            "body_encoding": "base64",
        },
    }
    return json.dumps({**whole, **parts}).encode()


# What others who can reach Redis may leave there: no JSON, no message, a job with parts that are
# none, a pickle, and a task that is none.
ODD: list[Any] = [None, 1, [], {}, "a", "AAAA"]
HOSTILE = [
    *(b"", b"x", b"\xff\xfe", b"null", b"1", b"[]", b"{}", b'"a"', b"[" * 100_000, b"{" * 100),
    *(
        job(**{part: odd})
        for part in ("body", "headers", "properties", "content-type", "content-encoding")
        for odd in ODD
    ),
    *(job(headers={"task": odd}) for odd in ODD),
    *(job(properties={"delivery_tag": odd}) for odd in ODD),
    job(headers={"task": "tests.note", "id": [], "eta": "never", "expires": "x", "timelimit": 1}),
    job(headers={"task": "tests.note", "id": "3", "eta": 1e400, "retries": "x", "lang": "py"}),
    json.dumps({
        "body": b64encode(pickle.dumps([[], {}, {}])).decode(),
        "content-type": "application/x-python-serialize",
        "content-encoding": "binary",
        "headers": {"task": "tests.note", "id": "1", "lang": "py"},
        "properties": {
            "delivery_info": {"exchange": "", "routing_key": "celery"},
            "delivery_tag": "1",
            "body_encoding": "base64",
        },
    }).encode(),
    json.dumps({
        "body": b64encode(json.dumps([["1"], {}, {}]).encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "os.system", "id": "2", "lang": "py"},
        "properties": {
            "delivery_info": {"exchange": "", "routing_key": "celery"},
            "delivery_tag": "2",
            "body_encoding": "base64",
        },
    }).encode(),
]  # fmt: skip


@pytest.mark.parametrize("broker_url", ["redis"], indirect=True)
def test_a_hostile_message_in_redis_stops_no_job(environment: dict[str, str]) -> None:
    with Redis.from_url(environment["BERTH_BROKER_URL"].replace("redis+socket", "unix")) as redis:
        redis.flushall()
        send(environment, count=5, seconds=0)
        (key,) = redis.keys("*:celery")
        redis.rpush(key, *HOSTILE)  # the worker takes them first

    with worker(environment) as process:
        wait_for(environment, count=5)
        assert process.poll() is None


@pytest.mark.parametrize("broker_url", ["redis"], indirect=True)
def test_two_registries_in_one_redis_do_their_own_jobs(environment: dict[str, str]) -> None:
    with Redis.from_url(environment["BERTH_BROKER_URL"].replace("redis+socket", "unix")) as redis:
        redis.flushall()
        send(environment | {"BERTH_SECRET_KEY": "of-another-registry" * 3}, count=1, seconds=0)
        send(environment, count=5, seconds=0)

        with worker(environment):
            wait_for(environment, count=5)

        assert [redis.llen(key) for key in redis.keys("*:celery")] == [1]

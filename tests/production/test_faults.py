"""Each part of a registry breaks while clients push and pull through the proxy.

What was acknowledged is there afterwards, byte for byte; who was refused was told soon to come
again; and Berth works again by itself. docs/production.md has the table.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import pytest

from tests.private_postgres import frozen as frozen_database
from tests.private_postgres import outage
from tests.production.load import WRITERS, Result, load_on
from tests.production.stack import Stack
from tests.s3_server import frozen as frozen_bucket

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(900)]

FAULT_SECONDS: Final = 5
# Three and five on a quiet machine; here other tests keep all processors busy.
SOON_SECONDS: Final = 12
BACK_SECONDS: Final = 20


def _away(part: str, stack: Stack) -> AbstractContextManager[None]:
    return {
        "a database that stops": lambda: outage(stack.database),
        "a database that freezes": lambda: frozen_database(stack.database),
        "a bucket that stops": lambda: _stopped(stack.s3.stop, stack.s3.start),
        "a bucket that freezes": lambda: frozen_bucket(stack.s3),
        "a queue that stops": lambda: _stopped(stack.redis.stop, stack.redis.start),
        "a queue that freezes": lambda: _stopped(
            lambda: stack.redis.send(signal.SIGSTOP), lambda: stack.redis.send(signal.SIGCONT)
        ),
    }[part]()


@contextmanager
def _stopped(stop: Callable[[], None], start: Callable[[], None]) -> Iterator[None]:
    stop()
    try:
        yield
    finally:
        start()


def _told_soon(result: Result) -> bool:
    """Where Berth refused, it said soon when to come again. S3 itself is asked by clients, too."""
    ours = [one for one in result.refusals if not one.what.endswith("in S3")]
    return all(one.status == 503 and one.retry_after and one.seconds < SOON_SECONDS for one in ours)


@pytest.mark.parametrize("part", ["a database that stops", "a database that freezes"])
def test_nothing_is_lost_by(part: str, stack: Stack) -> None:
    with load_on(stack, part.replace(" ", "-")) as load:
        with _away(part, stack):
            time.sleep(FAULT_SECONDS)
        stack.wait_until_ready(seconds=BACK_SECONDS)

    assert load.result.refusals
    assert _told_soon(load.result), load.result.refusals
    assert load.lost() == []


@pytest.mark.parametrize("part", ["a bucket that stops", "a bucket that freezes"])
def test_manifests_are_pulled_and_nothing_is_lost_by(part: str, stack: Stack) -> None:
    with load_on(stack, part.replace(" ", "-")) as load:
        with _away(part, stack):
            time.sleep(FAULT_SECONDS)
        stack.wait_until_ready(seconds=BACK_SECONDS)

    assert load.result.refusals
    assert _told_soon(load.result), load.result.refusals
    assert "GET manifests" not in {one.what for one in load.result.refusals}
    assert load.lost() == []


@pytest.mark.parametrize("part", ["a queue that stops", "a queue that freezes"])
def test_nobody_is_refused_for(part: str, stack: Stack) -> None:
    with load_on(stack, part.replace(" ", "-")) as load, _away(part, stack):
        time.sleep(FAULT_SECONDS)

    assert load.result.refusals == []
    assert load.lost() == []


def test_a_web_server_that_is_killed_takes_only_what_it_had_begun_along(stack: Stack) -> None:
    with load_on(stack, "killed") as load:
        stack.webs[1].kill()
        time.sleep(FAULT_SECONDS)
        stack.start_web(1)

    assert len(load.result.refusals) <= WRITERS + 2
    assert load.result.statuses <= {502}
    assert load.lost() == []


def test_machines_are_restarted_one_by_one_and_nobody_is_refused(stack: Stack) -> None:
    with load_on(stack, "restarted") as load:
        stack.restart_one_by_one()

    assert load.result.refusals == []
    assert load.lost() == []


def test_the_signing_key_is_changed_and_nobody_is_refused(stack: Stack) -> None:
    with load_on(stack, "rotated") as load:
        for _ in range(2):
            stack.manage("rotate_signing_key")

    assert load.result.refusals == []
    assert load.lost() == []

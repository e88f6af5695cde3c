"""Things that happen at the same moment, each on a connection of its own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections, transaction

from accounts.errors import AccountError
from artifacts.oci.errors import OCIError


class Aside(threading.Thread):
    """Does ``work`` beside the test; ``value`` is what it returned or was told."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.value: object = None
        self.start()

    def run(self) -> None:
        try:
            self.value = self._work()
        except Exception as error:
            self.value = error
        finally:
            connections.close_all()

    def waits(self) -> bool:
        """Whether it is still at it after a while in which it could have ended."""
        self.join(timeout=0.5)
        return self.is_alive()

    def result(self) -> object:
        self.join(timeout=60)
        assert not self.is_alive()
        return self.value


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Start all calls at the same moment; return what each returned or was told."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        try:
            barrier.wait(timeout=60)
            return call()
        except (AccountError, OCIError) as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(run, calls))


@contextmanager
def meanwhile(
    *, before: str = "", after: str = "", do: Callable[[], Aside]
) -> Iterator[Callable[[], Aside]]:
    """Inside, ``do`` comes before or after the first statement of this thread that holds a text.

    What ``do`` starts gets the time to run until it ends or waits for a lock.
    """
    started: list[Aside] = []

    def start() -> None:
        started.append(do())
        started[0].waits()

    def watch(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if before and before in sql and not started:
            start()
        result = execute(sql, parameters, many, context)
        if after and after in sql and not started:
            start()
        return result

    with connection.execute_wrapper(watch):
        yield lambda: started[0]


@contextmanager
def held_open() -> Iterator[None]:
    """Inside, what a request would have committed is not, so that others meet it half way."""
    block: Any = transaction.atomic()
    block._from_testcase = True  # the transaction is the test's, not the code's
    with block:
        yield

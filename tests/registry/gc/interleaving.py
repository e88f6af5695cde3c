"""Something that happens between two statements of something else, at each place in turn.

On SQLite nothing can happen inside a transaction of another that writes, so the places are
those between transactions there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.threads import Aside

_HEAD_START_SECONDS = 0.1  # whoever has not ended by then waits for a lock


@contextmanager
def between_statements(place: int, do: Callable[[], object]) -> Iterator[Callable[[], Aside]]:
    """Inside, ``do`` runs beside this thread from just before its statement ``place`` on.

    When the block has fewer places, ``do`` runs after it.
    """
    started: list[Aside] = []
    passed = 0

    def start() -> None:
        started.append(Aside(do))
        started[0].join(timeout=_HEAD_START_SECONDS)

    def watch(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        nonlocal passed
        if passed == place and not started and _is_open():
            start()
        passed += _is_open()
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(watch):
        yield lambda: started[0]
    if not started:
        start()


def places_of(work: Callable[[], object]) -> int:
    count = 0

    def watch(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        nonlocal count
        count += _is_open()
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(watch):
        work()
    return count


def _is_open() -> bool:
    return connection.vendor != "sqlite" or not connection.in_atomic_block

"""Threads that run requests: as many as are needed, and no more after a while."""

import threading
import time
from collections.abc import Callable

import pytest

from config.front_door.threads import Threads

PATIENT_SECONDS = 30.0
SHORT_SECONDS = 0.05


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_a_call_returns_is_the_result() -> None:
    assert Threads(1, idle_seconds=SHORT_SECONDS).submit(pow, 2, 5).result(PATIENT_SECONDS) == 32


def test_what_a_call_raises_is_raised() -> None:
    future = Threads(1, idle_seconds=SHORT_SECONDS).submit(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        future.result(PATIENT_SECONDS)


def test_so_many_calls_run_at_once_and_the_others_in_turn() -> None:
    threads = Threads(2, idle_seconds=PATIENT_SECONDS)
    both, go_on = threading.Barrier(3), threading.Event()

    def work(number: int) -> int:
        if number < 2:
            both.wait(PATIENT_SECONDS)
            go_on.wait(PATIENT_SECONDS)
        return number

    futures = [threads.submit(work, number) for number in range(20)]
    both.wait(PATIENT_SECONDS)
    assert threads.count == 2
    assert not any(future.done() for future in futures)
    go_on.set()

    assert [future.result(PATIENT_SECONDS) for future in futures] == list(range(20))
    assert threads.count == 2


def test_the_thread_that_became_free_last_is_asked_first() -> None:
    threads = Threads(8, idle_seconds=PATIENT_SECONDS)
    all_of_them = threading.Barrier(8)
    for future in [threads.submit(all_of_them.wait, PATIENT_SECONDS) for _ in range(8)]:
        future.result(PATIENT_SECONDS)
    wait_until(lambda: len(threads._idle) == 8)

    used = set()
    for _ in range(50):
        used.add(threads.submit(threading.get_ident).result(PATIENT_SECONDS))
        wait_until(lambda: len(threads._idle) == 8)

    assert len(used) == 1


def test_a_thread_without_a_call_ends_after_a_while() -> None:
    threads = Threads(8, idle_seconds=SHORT_SECONDS)
    all_of_them = threading.Barrier(8)
    for future in [threads.submit(all_of_them.wait, PATIENT_SECONDS) for _ in range(8)]:
        future.result(PATIENT_SECONDS)

    wait_until(lambda: threads.count == 0)

    assert threads.submit(pow, 2, 5).result(PATIENT_SECONDS) == 32


def test_no_call_is_lost_between_threads_that_end() -> None:
    threads = Threads(4, idle_seconds=0.0005)

    def ask() -> int:
        time.sleep(0.0005)
        return sum(threads.submit(int, 1).result(PATIENT_SECONDS) for _ in range(500))

    askers = Threads(8, idle_seconds=SHORT_SECONDS)
    answers = [askers.submit(ask) for _ in range(8)]

    assert [answer.result(PATIENT_SECONDS) for answer in answers] == [500] * 8


def test_a_call_that_was_cancelled_does_not_run() -> None:
    threads = Threads(1, idle_seconds=SHORT_SECONDS)
    go_on = threading.Event()
    first = threads.submit(go_on.wait, PATIENT_SECONDS)
    ran: list[int] = []
    second = threads.submit(ran.append, 1)

    second.cancel()
    go_on.set()

    assert first.result(PATIENT_SECONDS)
    wait_until(lambda: threads.count == 0)
    assert ran == []


def test_who_has_many_calls_waiting_keeps_nobody_from_being_next() -> None:
    threads = Threads(1, idle_seconds=SHORT_SECONDS)
    go_on, order = threading.Event(), list[str]()
    first = threads.submit(go_on.wait, PATIENT_SECONDS)
    futures = [threads.submit_for("many", order.append, f"many {n}") for n in range(50)]
    futures += [threads.submit_for(name, order.append, name) for name in ("one", "other")]

    go_on.set()
    assert first.result(PATIENT_SECONDS)
    for future in futures:
        future.result(PATIENT_SECONDS)

    assert order[:4] == ["many 0", "one", "other", "many 1"]

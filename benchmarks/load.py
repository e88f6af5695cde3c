"""Keeps a number of connections busy, each from a process of its own.

Processes, because the threads of one Python client would wait for each other
and the figure would be the client's.
"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError

from .connection import Connection, UnexpectedAnswerError

SAMPLE_SECONDS = 1.0
NEVER_STARTED = "the other connections failed before the start"

Operation = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of a measure gave."""

    per_second: float
    latencies: list[float]  # seconds, one for each operation
    processor_seconds: float = 0.0  # of the registry, for each operation


def run(
    operation: Operation,
    *,
    connect: Callable[[], Connection],
    connections: int,
    seconds: float,
    meanwhile: Callable[[], None],
) -> Sample:
    """Repeat the operation on every connection for so long, and at least once.

    ``meanwhile`` is called about once per second.
    """
    fork = multiprocessing.get_context("fork")
    start = fork.Barrier(connections)
    pipes: list[Pipe] = []
    workers = []
    for _ in range(connections):
        ours, theirs = fork.Pipe(duplex=False)
        worker = fork.Process(target=_work, args=(operation, connect, start, seconds, theirs))
        worker.start()
        theirs.close()
        pipes.append(ours)
        workers.append(worker)
    results = _collect(pipes, meanwhile)
    for worker in workers:
        worker.join()
    return _merged(results)


def _collect(pipes: list[Pipe], meanwhile: Callable[[], None]) -> list[list[float] | str]:
    results: list[list[float] | str] = []
    waiting = [*pipes]
    while waiting:
        ready = wait(waiting, timeout=SAMPLE_SECONDS)
        meanwhile()
        for pipe in pipes:
            if pipe in ready:
                results.append(_received(pipe))
                waiting.remove(pipe)
    return results


def _received(pipe: Pipe) -> list[float] | str:
    try:
        result: list[float] | str = pipe.recv()
    except EOFError:
        return "a process of the client died"
    return result


def _merged(results: list[list[float] | str]) -> Sample:
    failures = [result for result in results if isinstance(result, str)]
    if failures:
        raise UnexpectedAnswerError(min(failures, key=NEVER_STARTED.__eq__))
    latencies: list[float] = []
    per_second = 0.0
    for result in results:
        assert not isinstance(result, str)
        # Each connection has its own rate: one that finishes late does not dilute the others.
        per_second += len(result) / sum(result)
        latencies.extend(result)
    return Sample(per_second, latencies)


def _work(
    operation: Operation,
    connect: Callable[[], Connection],
    start: Barrier,
    seconds: float,
    results: Pipe,
) -> None:
    try:
        with connect() as connection:
            connection.request("GET", "/v2/")
            start.wait(timeout=60)
            results.send(_repeat(operation, connection, seconds))
    except BrokenBarrierError:
        results.send(NEVER_STARTED)  # another process says why
    except Exception as error:
        start.abort()
        results.send(f"{type(error).__name__}: {error}")


def _repeat(operation: Operation, connection: Connection, seconds: float) -> list[float]:
    latencies: list[float] = []
    clock = time.perf_counter
    before = clock()
    end = before + seconds
    while before < end:
        operation(connection)
        after = clock()
        latencies.append(after - before)
        before = after
    return latencies

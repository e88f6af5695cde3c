"""What a piece of work inside Berth takes: time, statements, memory. Django has to be set up."""

import multiprocessing
import os
import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Work:
    """``result`` is what the work returned; ``commonest`` the statement that came most often."""

    result: str
    seconds: float
    processor_seconds: float  # of its own process
    database_seconds: float  # of the processor, of PostgreSQL
    statements: int
    commonest: str
    grown_bytes: int  # of its memory at most

    def __str__(self) -> str:
        return (
            f"{self.result} in {self.seconds:.1f} s ({self.processor_seconds:.2f} s of our"
            f" processor, {self.database_seconds:.2f} s of PostgreSQL's), {self.statements:,}"
            f" statements, memory grew by {self.grown_bytes / 1024**2:.0f} MB"
        )


def in_process(work: Callable[[], str]) -> Work:
    """Run in a process of its own, so that its memory is known. Raises what the work raises."""
    fork = multiprocessing.get_context("fork")
    receiving, sending = fork.Pipe(duplex=False)

    def run() -> None:
        from django.db import connection

        connection.ensure_connection()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.monotonic(), time.process_time(), _seconds_of_server()
        counted: Counter[str] = Counter()
        with connection.execute_wrapper(_counting(counted)):
            result = work()
        (commonest, _), *_ = counted.most_common(1) or [("", 0)]
        sending.send(
            Work(
                result=result,
                seconds=time.monotonic() - begun[0],
                processor_seconds=time.process_time() - begun[1],
                database_seconds=_seconds_of_server() - begun[2],
                statements=counted.total(),
                commonest=commonest,
                grown_bytes=(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024,
            )
        )

    process = fork.Process(target=run)
    process.start()
    sending.close()
    try:
        work_done: Work = receiving.recv()
    except EOFError as error:
        raise RuntimeError("the work failed; what it wrote says why") from error
    finally:
        process.join()
    return work_done


def let_go_of_database() -> None:
    """Before a fork: two processes must not share a connection, nor a pool of them."""
    from django.db import connection

    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]


def _counting(counted: Counter[str]) -> Callable[..., Any]:
    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        counted[sql] += 1
        return execute(sql, *rest)

    return count


def _seconds_of_server() -> float:
    """Processor time of the connection's own process of PostgreSQL, if it is on this machine."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

"""What groups of processes take of memory and of the processors, as Linux tells it."""

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Behind the name, which may hold blanks and brackets (proc(5)).
_PARENT = 1
_TIMES = slice(11, 15)  # user and system, its own and of children that it waited for


def descendants(root: int) -> set[int]:
    """The process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (fields := _fields(int(entry.name))):
            children.setdefault(int(fields[_PARENT]), []).append(int(entry.name))
    processes, open_ends = {root}, [root]
    while open_ends:
        below = children.get(open_ends.pop(), [])
        processes.update(below)
        open_ends.extend(below)
    return processes


def used_bytes(roots: Iterable[int]) -> int:
    """The memory of the processes and what they started, pages that they share counted once."""
    return sum(map(memory_of, _all(roots)))


def memory_of(pid: int) -> int:
    """Its proportional set size (PSS) in bytes; nothing once it has ended."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def processor_seconds(roots: Iterable[int]) -> float:
    """User and system time so far of the processes and what they started, the ended ones too."""
    fields = map(_fields, _all(roots))
    return sum(int(ticks) for process in fields for ticks in process[_TIMES]) / _TICKS_PER_SECOND


def _all(roots: Iterable[int]) -> set[int]:
    return set().union(*map(descendants, roots))


def _fields(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []  # it ended meanwhile

"""The line in which the writers of one SQLite database wait.

SQLite has one writer at a time and no line: who finds it busy sleeps and asks again, longer each
time, while others that came later pass. Here they take turns, in the order in which they came.
"""

import fcntl
import os
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

_SHORTEST_SECONDS = 0.0002
_LONGEST_SECONDS = 0.002


class TurnTimeout(Exception):
    """The turn did not come in time."""


class Line:
    """``begin`` waits until it is the caller's turn, and ``end`` lets the next one go.

    Threads of one process are called one by one. Of each process the one whose turn it is waits
    for the other processes, which a file next to the database keeps apart.
    """

    def __init__(self, file: Path | None) -> None:
        """Without a file, the line is that of this process alone."""
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False
        self._processes = _Processes(file) if file else None

    def begin(self, seconds: float) -> None:
        """Raises ``TurnTimeout``."""
        deadline = time.monotonic() + seconds
        self._wait(deadline)
        if self._processes:
            try:
                self._processes.begin(deadline)
            except BaseException:
                self._call_next()
                raise

    def end(self) -> None:
        if self._processes:
            self._processes.end()
        self._call_next()

    def _wait(self, deadline: float) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return
        with self._lock:
            if mine not in self._waiting:
                return  # called in the last moment
            self._waiting.remove(mine)
        raise TurnTimeout

    def _call_next(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


class _Processes:
    """Locks of processes on two bytes of a file, which a process that dies gives back.

    Who waits for the second byte holds the first, so that whoever just gave the second one back
    cannot pass it. There is no lock that can be waited for with a deadline: it is asked for.
    """

    _FIRST, _SECOND = 0, 1

    def __init__(self, file: Path) -> None:
        # Never closed: that would give back what another thread holds.
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def begin(self, deadline: float) -> None:
        self._take(self._FIRST, deadline)
        try:
            self._take(self._SECOND, deadline)
        finally:
            self._give_back(self._FIRST)

    def end(self) -> None:
        self._give_back(self._SECOND)

    def _take(self, byte: int, deadline: float) -> None:
        pause = _SHORTEST_SECONDS
        while not self._is_given(byte):
            if time.monotonic() > deadline:
                raise TurnTimeout
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_SECONDS)

    def _is_given(self, byte: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except (BlockingIOError, PermissionError):  # POSIX allows either
            return False
        return True

    def _give_back(self, byte: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)


def line_of(database: Path | None) -> Line:
    """The one line of a database; ``None`` stands for those in memory."""
    with _lock:
        if database not in _lines:
            _lines[database] = _opened(database)
        return _lines[database]


def _opened(database: Path | None) -> Line:
    if database:
        with suppress(OSError):  # a folder that is only read: nobody writes there anyway
            return Line(database.with_name(f"{database.name}-line"))
    return Line(None)


_lock = threading.Lock()
_lines: dict[Path | None, Line] = {}

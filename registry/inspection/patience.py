"""How long reading may take."""

import time


class OutOfTime(Exception):
    """It takes longer than there is time for."""


class Patience:
    """Ends after so many seconds of the clock, or of this thread's processor time."""

    def __init__(self, *, seconds: float, cpu_seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._cpu_end = time.thread_time() + cpu_seconds

    def check(self) -> None:
        """Raises ``OutOfTime``."""
        if time.monotonic() > self._end or time.thread_time() > self._cpu_end:
            raise OutOfTime

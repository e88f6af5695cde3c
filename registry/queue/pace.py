"""How fast long work in the background goes, so that requests come between."""

import time

_LONGEST_PAUSE_SECONDS = 0.5


def rest(begun: float) -> None:
    """Wait as long as the work since ``begun`` took, by ``time.monotonic``, at most half a second.

    Half of the time belongs to the others: SQLite has one writer at a time.
    """
    time.sleep(min(time.monotonic() - begun, _LONGEST_PAUSE_SECONDS))

"""What each process does from time to time beside its work, in one thread of its own.

It follows settings that administrators change, keeps announcements at hand, and writes what was
counted, noticed and logged: none of it costs a request a statement to the database.
"""

import ctypes
import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.util import Finalize
from typing import Final

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.audit.sightings import flush_sightings
from config.administration.runtime import follow_settings
from config.serving.pool import note_pool, watch_pool
from registry.announcements.current import refresh_announcements
from registry.metrics import shared, traces
from registry.statistics.counting import flush_counts
from registry.statistics.errors import flush_errors
from registry.statistics.processes import Presence, note_alive, note_end

Errand = Callable[[], object]


def refresh() -> None:
    refresh_announcements(now=timezone.now())


def give_memory_back() -> None:
    """Free what only a cycle of references holds, and hand free pages to the system.

    glibc by itself hands back no more than the end of its heap.
    """
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


_TICK_SECONDS: Final = 3
_ERRANDS: Final[Mapping[Errand, int]] = {  # and how many seconds lie between two of each
    follow_settings: 3,
    refresh: 3,
    flush_counts: 9,
    flush_errors: 9,
    give_memory_back: 30,
    flush_sightings: 9,
    note_pool: 3,
    shared.save: 3,
}

logger = logging.getLogger("config.rounds")  # a name that readers of logs know


def start_rounds(kind: str) -> None:
    """Go on rounds for as long as this process lives; ``kind`` is ``web`` or ``jobs``."""
    shared.begin(kind)
    if traces.are_wanted():
        traces.start(version=settings.VERSION)
    watch_pool()
    presence = Presence.of_this_process(kind=kind, version=settings.VERSION, now=timezone.now())

    def show_life() -> None:
        note_alive(presence, now=timezone.now())

    errands = {**_ERRANDS, show_life: 30}
    _run([follow_settings, refresh, show_life, shared.save])  # the first request finds them done
    threading.Thread(target=_go_round, args=[errands], name="rounds", daemon=True).start()
    # Not ``atexit``, which does not run in forks.
    last = [
        flush_counts,
        flush_errors,
        flush_sightings,
        shared.save,
        partial(note_end, presence),
        traces.stop,
    ]
    Finalize(None, _run, args=(last,), exitpriority=1)


def _go_round(errands: Mapping[Errand, int]) -> None:
    due = {errand: time.monotonic() + seconds for errand, seconds in errands.items()}
    rest = threading.Event()
    while not rest.wait(_TICK_SECONDS):
        now = time.monotonic()
        ready = [errand for errand, at in due.items() if at <= now + _TICK_SECONDS / 2]
        due |= {errand: now + errands[errand] for errand in ready}
        _run(ready)


def _run(errands: Sequence[Errand]) -> None:
    """Whatever goes wrong, the next round tries again, with a connection that works."""
    for errand in errands:
        try:
            errand()
        except Exception:
            name = getattr(errand, "__name__", errand)
            logger.warning("%s failed and is tried again", name, exc_info=True)
            connection.close()
    connection.close()  # requests need it more

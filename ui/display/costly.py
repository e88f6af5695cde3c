"""Places for what costs a page much: several at once would starve who pulls and pushes.

What was made of a text is remembered, so that it is made once.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Final, Generic, TypeVar

from cachetools import LRUCache

Made = TypeVar("Made")

AT_ONCE: Final = 2  # in one process
IN_ALL: Final = 8  # with those that wait: each of them holds a thread
WAIT_SECONDS: Final = 2.0
RETRY_AFTER_SECONDS: Final = 5
SMALL_LENGTH: Final = 4 * 1024  # characters; whatever is made of so few is made quickly
SMALL_BYTES: Final = 64 * 1024  # of manifests, of which less is made


class Busy(Exception):
    """Too much that costs much is being made already."""


def place_for(length: int, small: int = SMALL_LENGTH) -> AbstractContextManager[None]:
    """A place to make something of so much; none is needed for what is small."""
    return costly() if length > small else nullcontext()


@contextmanager
def costly() -> Iterator[None]:
    """Hold a place while something is made; whoever holds one has it for all that it takes.

    Raises ``Busy``.
    """
    if getattr(_thread, "is_held", False):
        yield
        return
    if not _door.acquire(blocking=False):
        raise Busy
    try:
        if not _places.acquire(timeout=WAIT_SECONDS):
            raise Busy
        _thread.is_held = True
        try:
            yield
        finally:
            _thread.is_held = False
            _places.release()
    finally:
        _door.release()


class Remembered(Generic[Made]):
    """What ``make`` made of texts, by their digests. Safe to use from many threads.

    Forgets what was asked for least recently once all is longer than ``max_length``, as
    ``length_of`` tells it.
    """

    def __init__(
        self, make: Callable[[str], Made], *, length_of: Callable[[Made], int], max_length: int
    ) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: LRUCache[bytes, Made] = LRUCache(max_length, getsizeof=length_of)

    def get(self, text: str) -> Made:
        """Raises ``Busy`` when it has to be made, and too much is being made already."""
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            if key in self._made:
                return self._made[key]
        with place_for(len(text)):
            made = self._make(text)
        with self._lock, suppress(ValueError):  # longer than all that may be kept
            self._made[key] = made
        return made


_door = threading.BoundedSemaphore(IN_ALL)
_places = threading.BoundedSemaphore(AT_ONCE)
_thread = threading.local()

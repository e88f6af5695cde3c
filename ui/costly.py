"""Places for what costs a page much: several at once would starve who pulls and pushes."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

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
    if getattr(_held, "is_held", False):
        yield
        return
    if not _door.acquire(blocking=False):
        raise Busy
    try:
        if not _places.acquire(timeout=WAIT_SECONDS):
            raise Busy
        _held.is_held = True
        try:
            yield
        finally:
            _held.is_held = False
            _places.release()
    finally:
        _door.release()


_door = threading.BoundedSemaphore(IN_ALL)
_places = threading.BoundedSemaphore(AT_ONCE)
_held = threading.local()

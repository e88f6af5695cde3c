"""What was made of a text before, so that it is made once."""

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from cachetools import LRUCache

from ui.costly import place_for

Made = TypeVar("Made")


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

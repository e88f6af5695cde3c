"""What was made of a text before, so that it is made once."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from ui.costly import costly

SMALL_LENGTH: Final = 4 * 1024  # characters; whatever is made of so few is made quickly

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
        self._length_of = length_of
        self._left = max_length
        self._lock = threading.Lock()
        self._made: OrderedDict[bytes, Made] = OrderedDict()

    def get(self, text: str) -> Made:
        """Raises ``Busy`` when it has to be made, and too much is being made already."""
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        if len(text) <= SMALL_LENGTH:
            made = self._make(text)
        else:
            with costly():
                made = self._make(text)
        self._keep(key, made)
        return made

    def _keep(self, key: bytes, made: Made) -> None:
        with self._lock:
            if key in self._made:
                return
            self._made[key] = made
            self._left -= self._length_of(made)
            while self._left < 0:
                _, forgotten = self._made.popitem(last=False)
                self._left += self._length_of(forgotten)

"""How fast a client must be: as slow as a poor link is, and no slower."""

from typing import Final, Self

from django.conf import settings

_WINDOW_SECONDS: Final = 60.0


class TooSlow(Exception):
    """A client takes longer than anybody may. The reason is a sentence for it."""


class Pace:
    """Judges one body or one download by the time that was spent waiting for its client.

    The rate is that of each minute of waiting, so that a quick beginning is no credit. What is
    waited for on our side, a disk or another machine, is nobody's fault and not counted.
    """

    def __init__(self, *, least_rate: int, most_seconds: float) -> None:
        self._least_rate = least_rate  # bytes per second
        self._left_seconds = most_seconds
        self._waited = 0.0
        self._bytes = 0

    @classmethod
    def of_settings(cls) -> Self:
        return cls(
            least_rate=settings.BERTH.MINIMUM_TRANSFER_RATE,
            most_seconds=settings.BERTH.MAXIMUM_TRANSFER_SECONDS,
        )

    def note(self, size: int, *, waited: float) -> None:
        """Count bytes, and the seconds that they were waited for. Raises ``TooSlow``."""
        self._left_seconds -= waited
        if self._left_seconds < 0:
            raise TooSlow("the transfer took longer than any may (MAXIMUM_TRANSFER_SECONDS)")
        self._waited += waited
        self._bytes += size
        if self._waited < _WINDOW_SECONDS:
            return
        if self._bytes < self._least_rate * self._waited:
            raise TooSlow(
                f"fewer than {self._least_rate} bytes came each second (MINIMUM_TRANSFER_RATE)"
            )
        self._waited, self._bytes = 0.0, 0

"""How much of a web process one client may hold, so that none can keep others out.

A client is an account, and an address: each holds no more than its share of the places. Who has
not logged in holds a smaller one, beside those at the same address who have. The shares are wide
enough for a whole company behind one address, and too narrow for one such to take all places.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final

from django.conf import settings
from django.utils import timezone

from accounts.origin import address_of, network_of
from config.front_door.networks import networks
from registry.access.tokens import remembered_claims
from registry.blobs.transfers import RETRY_AFTER_SECONDS

_BEARER: Final = "bearer "
_LARGE_ANSWERS_BYTES: Final = 256 * 1024 * 1024


class Place(Enum):
    """What a client may hold a part of. The value is how one is named to a client."""

    BODY = "requests whose bodies are on their way"
    CALL = "requests"
    UPLOAD = "uploads"
    THREAD = "uploads by a thread"
    DOWNLOAD = "downloads"
    ANSWER = "large answers"  # counted in bytes: they are in memory


_PLACES: Final[Mapping[Place, Callable[[], int]]] = {
    Place.BODY: lambda: settings.BERTH.MAXIMUM_WAITING_REQUESTS,
    Place.CALL: lambda: settings.BERTH.MAXIMUM_WAITING_REQUESTS,
    Place.UPLOAD: lambda: settings.UPLOAD_PLACES,
    Place.THREAD: lambda: settings.UPLOAD_THREADS,
    Place.DOWNLOAD: lambda: settings.BERTH.MAXIMUM_CONCURRENT_DOWNLOADS,
    Place.ANSWER: lambda: _LARGE_ANSWERS_BYTES,
}


_Limit = tuple[tuple[Place, str], int]  # who is counted, and how many percent that may hold


class ShareTaken(Exception):
    """A client holds its whole share already, or nobody has a place left."""

    retry_after_seconds = RETRY_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds places: a network, and the account that a token names."""

    network: str
    account: str = ""  # empty: a stranger

    @classmethod
    def of(cls, meta: Mapping[str, object]) -> "Holder":
        """Who sent a request, past the proxies (``accounts.origin.settle`` was called).

        Only a token that was verified here before tells an account: what a request merely
        claims is nobody's share.
        """
        network = network_of(address_of(meta))
        authorization = str(meta.get("HTTP_AUTHORIZATION", ""))
        if authorization[: len(_BEARER)].lower() != _BEARER:
            return cls(network)
        claims = remembered_claims(authorization[len(_BEARER) :].strip(), now=timezone.now())
        if claims is None or claims.principal.kind == "anonymous":
            return cls(network)
        networks.know(network)
        return cls(network, claims.principal.key)


class Shares:
    """What is held in this process. For one thread: that of the event loop."""

    def __init__(self) -> None:
        self._amounts: Counter[tuple[Place, str]] = Counter()

    @property
    def count(self) -> int:
        """How many names hold anything."""
        return len(self._amounts)

    @contextmanager
    def held(self, place: Place, holder: Holder, amount: int = 1) -> Iterator[None]:
        """Hold places as long as the block lasts. Raises ``ShareTaken``."""
        self.require(place, holder, amount)
        names = [name for name, _ in _limits(place, holder)]
        for name in names:
            self._amounts[name] += amount
        try:
            yield
        finally:
            for name in names:
                self._amounts[name] -= amount
                if not self._amounts[name]:
                    del self._amounts[name]

    def require(self, place: Place, holder: Holder, amount: int = 1) -> None:
        """Raise ``ShareTaken`` when there is no room for so many places more."""
        self._require(_limits(place, holder), amount, of=_PLACES[place]())

    def require_own(self, place: Place, holder: Holder, *, of: int) -> None:
        """The same for one more, whatever others hold, where there are so many places."""
        self._require(_limits(place, holder)[1:], 1, of=of)

    def require_upload(self, holder: Holder) -> None:
        """Raise ``ShareTaken`` for who opens an upload and has no place to send it."""
        most = settings.BERTH.MAXIMUM_CONCURRENT_UPLOADS
        self.require_own(Place.UPLOAD, holder, of=most)
        self.require_own(Place.THREAD, holder, of=min(most, settings.UPLOAD_THREADS_TO_OPEN))

    def _require(self, limits: list[_Limit], amount: int, *, of: int) -> None:
        for name, percent in limits:
            places = self._amounts.get(name, 0)
            # Whoever holds nothing may have one place, however large it is.
            if places and places + amount > of * percent // 100:
                raise ShareTaken(f"too many {name[0].value} at once; try again shortly")


def _limits(place: Place, holder: Holder) -> list[_Limit]:
    """Everybody's limit, and then the holder's own."""
    everybody = (place, ""), 100
    percent = settings.BERTH.SHARE_PER_CLIENT
    if not holder.account:
        return [
            everybody,
            ((place, "strangers"), percent),  # so that there is always room for who logged in
            ((place, f"stranger {holder.network}"), settings.BERTH.SHARE_PER_STRANGER),
        ]
    return [
        everybody,
        ((place, f"network {holder.network}"), percent),
        ((place, f"account {holder.account}"), percent),
    ]

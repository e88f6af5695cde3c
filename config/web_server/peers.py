"""The connections of one process by who is at the other end, and which of them give way.

No network keeps more than its share of them, and where there are too many, those end that only
wait for their client, longest first: whoever has a request under way keeps its connection.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from heapq import heapify, heapreplace
from itertools import islice
from typing import Final, Protocol

from config.web_server.limits import STALLED_SECONDS

PROXIES: Final = ""
"""The network of all trusted proxies together, whose addresses say nothing of their clients."""

HEAD_SECONDS: Final = 30
"""For the head of a request, for the first byte of the next one, and for an answer to be taken."""

_NEW_SECONDS: Final = 1  # in which a client that just came sends its head
_AT_ONCE: Final = 64  # this part of a bound gives way together, since to look for them costs


class Peer(Protocol):
    """A connection, from when the system hands it over until it has ended."""

    network: str

    def close(self) -> None:
        """End it, after what was written."""

    def abort(self) -> None:
        """End it at once."""

    def end_soon(self) -> None:
        """The server stops: what is under way is the last."""


class Peers:
    """All connections of a process."""

    def __init__(self, *, most: int, share_of: Callable[[str], int]) -> None:
        """``share_of`` tells how many percent of ``most`` a network may keep."""
        self._most = most
        self._share_of = share_of
        self._networks: dict[Peer, str] = {}
        self._counts: Counter[str] = Counter()
        # Since when, those for longest first: those that wait for a head, and those that end.
        self._waiting: dict[Peer, float] = {}
        self._leaving: dict[Peer, float] = {}

    def __iter__(self) -> Iterator[Peer]:
        return iter(list(self._networks))

    def __len__(self) -> int:
        return len(self._networks)

    @property
    def is_full(self) -> bool:
        return len(self) >= self._most

    def add(self, peer: Peer, now: float) -> None:
        self._networks[peer] = peer.network
        self._counts[peer.network] += 1
        self._waiting[peer] = now

    def remove(self, peer: Peer) -> None:
        """It has ended. More than once is as good."""
        network = self._networks.pop(peer, None)
        if network is None:
            return
        self._counts[network] -= 1
        if not self._counts[network]:
            del self._counts[network]
        self.busy(peer)
        self._leaving.pop(peer, None)

    def wait(self, peer: Peer, now: float) -> None:
        """From now on it waits for a head."""
        if peer in self._networks:
            self._waiting.pop(peer, None)
            self._waiting[peer] = now

    def busy(self, peer: Peer) -> None:
        """It has a request under way."""
        self._waiting.pop(peer, None)

    def leave(self, peer: Peer, now: float) -> None:
        """It ends as soon as its client has taken what was written."""
        self._waiting.pop(peer, None)
        if peer in self._networks:
            self._leaving.setdefault(peer, now)

    def end_overdue(self, now: float) -> None:
        """End those that waited too long for their client."""
        self._abort(_those_before(self._leaving, now - STALLED_SECONDS))
        for peer in _those_before(self._waiting, now - HEAD_SECONDS):
            self.leave(peer, now)
            peer.close()

    def has_room(self, network: str) -> bool:
        """Whether there may be one more of that network, where another may give way for it."""
        if network == PROXIES:
            return True
        most = max(1, self._most * self._share_of(network) // 100)
        if self._counts.get(network, 0) < most:
            return True
        theirs = (peer for peer in self._idle() if peer.network == network)
        return self._abort(list(islice(theirs, _part(most))))

    def may_grow(self, now: float) -> bool:
        """Whether there may be one more, where another may give way for it."""
        return not self.is_full or any(True for _ in self._idle(now - _NEW_SECONDS))

    def make_room(self, now: float) -> None:
        """End some of those that only wait, of whoever has most of them.

        Proxies come last, and of equals those who wait for longest.
        """
        last = now - _NEW_SECONDS
        idle: dict[str, list[Peer]] = {}
        for peer in self._idle(last):
            idle.setdefault(peer.network, []).append(peer)
        order = [
            (network == PROXIES, -len(peers), place, iter(peers))
            for place, (network, peers) in enumerate(idle.items())
        ]
        heapify(order)
        ended: list[Peer] = []
        for _ in range(_part(self._most) if order else 0):
            is_proxy, size, place, peers = order[0]
            found = next(peers, None)
            if found is None:  # the largest has none left, and so has everybody
                break
            ended.append(found)
            heapreplace(order, (is_proxy or size == -1, size + 1, place, peers))
        self._abort(ended)

    def _idle(self, last: float | None = None) -> Iterator[Peer]:
        """Those that have no request under way, first those that end anyway."""
        for peers in (self._leaving, self._waiting):
            for peer, since in peers.items():
                if last is not None and since > last:
                    break
                yield peer

    def _abort(self, peers: list[Peer]) -> bool:
        """Whether there were any."""
        for peer in peers:
            self.remove(peer)
            peer.abort()
        return bool(peers)


def _those_before(peers: dict[Peer, float], last: float) -> list[Peer]:
    found: list[Peer] = []
    for peer, since in peers.items():
        if since > last:
            break
        found.append(peer)
    return found


def _part(bound: int) -> int:
    return max(1, bound // _AT_ONCE)

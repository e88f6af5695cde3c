"""Whose connections they are, and how many of a process's one network may keep.

Who calls is known only once a request has come: a network from which somebody logged in lately
keeps a client's share, any other a stranger's. Behind a trusted proxy are many, and so it has no
bound.
"""

import time
from typing import Final

from django.conf import settings

from accounts.origin import is_trusted_proxy, network_of
from config.web_server.peers import PROXIES

_KNOWN_SECONDS: Final = 3600
_MOST_KNOWN: Final = 10_000
_ALL: Final = 100  # percent


class Networks:
    """What this process knows of networks. For one thread: that of the event loop."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}  # until when, those that end next first

    def of(self, address: str) -> str:
        """The network that a connection is counted for."""
        return PROXIES if is_trusted_proxy(address) else network_of(address)

    def know(self, network: str) -> None:
        """Somebody there has a token that we issued."""
        self._known.pop(network, None)
        self._known[network] = time.monotonic() + _KNOWN_SECONDS
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def share_of(self, network: str) -> int:
        """How many percent of the connections it may keep."""
        if network == PROXIES:
            return _ALL
        if self._known.get(network, 0) > time.monotonic():
            return settings.BERTH.SHARE_PER_CLIENT
        return settings.BERTH.SHARE_PER_STRANGER


networks: Final = Networks()

"""Answers that are given again as they are, while nobody commits and no moment passes that counts.

Nodes of a cluster ask for the same manifests, each with a token of its own, and people's tools ask
again and again. So what a token lets somebody read and what a read answers are kept apart.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.conf import settings
from django.utils import timezone

from accounts.statements import Holding, holding
from config.web_server.exchange import Scope

T = TypeVar("T")

# What says until when it holds is looked at again then. All else once a second, in case something
# that compares moments says nothing.
_LONGEST: Final = timedelta(seconds=1)
_ROOM_BYTES: Final = 8 * 1024 * 1024  # in each process
_ENTRY_BYTES: Final = 2048  # beside a body

# Headers that say who asks, and those that say nothing about the answer.
_CALLER: Final = frozenset({b"authorization", b"host"})
_UNHEARD: Final = frozenset({b"x-request-id", b"traceparent"})


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A request without a body as it came, in two halves: who asks where, and what."""

    caller: tuple[bytes, bytes, bytes]  # authorization, host, path without its end
    what: tuple[Hashable, ...]

    @classmethod
    def of(cls, scope: Scope) -> "RequestKey | None":
        """``None`` where a header that says who asks came twice or not at all."""
        headers: dict[bytes, bytes] = {}
        others = []
        for header in scope["headers"]:
            name = header[0]
            if name in _CALLER:
                if name in headers:
                    return None
                headers[name] = header[1]
            elif name not in _UNHEARD:
                others.append(header)
        if len(headers) != len(_CALLER):
            return None
        path = scope["raw_path"]
        caller = headers[b"authorization"], headers[b"host"], path[: path.rfind(b"/")]
        return cls(caller, (scope["method"], path, scope["query_string"], *others))


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    until: datetime
    actions: Sequence[Any]  # what is done each time; takes the moment


class Memory:
    """Of one event loop."""

    def __init__(self) -> None:
        self.version: Hashable = None  # of the database, when it was last looked at
        self._settings: object = None
        self._entries: dict[Hashable, _Entry] = {}
        self._room = _ROOM_BYTES

    def look(self, version: Hashable) -> None:
        """Forget what may be otherwise by now, where each commit gives the database another
        version."""
        if version != self.version or self._settings is not settings.BERTH:
            self.version, self._settings = version, settings.BERTH
            self._forget()

    def again(self, key: Hashable) -> Any:
        """What was kept under the key, as if it were found now; ``None``: find it."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        now = timezone.now()
        if now >= entry.until:
            return None
        for action in entry.actions:
            action(now)
        return entry.value

    def get_or_find(
        self, key: Hashable, find: Callable[[], T | None], *, now: datetime
    ) -> T | None:
        """What was kept under the key, or is found now; of ``None`` nothing is kept."""
        value: T | None = self.again(key)
        if value is not None:
            return value
        with holding() as held:
            value = find()
        if value is not None:
            self.keep(key, value, held, now=now)
        return value

    def keep(
        self, key: Hashable, value: object, held: Holding, *, now: datetime, size_bytes: int = 0
    ) -> None:
        """Give this again as long as ``held``, in which it was found, says that it holds."""
        if not held.is_certain:
            return
        taken = 0 if key in self._entries else size_bytes + _ENTRY_BYTES  # the same, found again
        if taken > self._room:
            self._forget()
        until = now + _LONGEST
        until = min(until, held.until) if held.until else until
        self._entries[key] = _Entry(value, until, tuple(held.actions))
        self._room -= taken

    def _forget(self) -> None:
        self._entries.clear()
        self._room = _ROOM_BYTES

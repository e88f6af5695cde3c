"""Who is looked at, and when: each registry by one task, at once when its resource changes."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.operator.kinds import Kind
from deploy.operator.refusals import NoAnswer

_AT_ONCE = 4  # rounds, in threads
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 120.0  # seconds after failures

_log = logging.getLogger("berth.operator")

Look = Callable[[Kind, str, str], float | None]


@dataclass(frozen=True, slots=True)
class Key:
    kind: Kind
    namespace: str
    name: str


@dataclass
class Rounds:
    look: Look  # seconds until the next round, or None: the resource is gone
    _wishes: dict[Key, asyncio.Event] = field(default_factory=dict)
    _tasks: dict[Key, "asyncio.Task[None]"] = field(default_factory=dict)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def wake(self, key: Key) -> None:
        """A round, as soon as one may begin."""
        self._wishes.setdefault(key, asyncio.Event()).set()
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._go_on(key))

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _go_on(self, key: Key) -> None:
        failures = 0
        pause: float | None = 0.0
        while pause is not None:
            self._wishes[key].clear()
            try:
                async with self._places:
                    pause = await asyncio.to_thread(self.look, key.kind, key.namespace, key.name)
                failures = 0
            except Exception as error:
                # Whatever it was, it ends no other round, and the next begins anew.
                told = None if isinstance(error, NoAnswer) else error
                _log.error(
                    "%s %s/%s: %s", key.kind.name, key.namespace, key.name, error, exc_info=told
                )
                pause = min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE)
                failures = min(failures + 1, 10)
            if pause is None and self._wishes[key].is_set():
                pause = 0.0  # it was made again meanwhile
            await self._sleep(key, pause)
        del self._tasks[key], self._wishes[key]

    async def _sleep(self, key: Key, pause: float | None) -> None:
        if not pause:
            return
        try:
            await asyncio.wait_for(self._wishes[key].wait(), timeout=pause)
        except TimeoutError:
            return

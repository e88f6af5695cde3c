"""Who is looked at, and when."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from deploy.operator import rounds
from deploy.operator.kinds import QUAY_REGISTRY, Kind
from deploy.operator.refusals import NoAnswer
from deploy.operator.rounds import Key, Rounds

KEY = Key(QUAY_REGISTRY, "infra", "quay")
OTHER = Key(QUAY_REGISTRY, "infra", "other")


class Looks:
    """Answers with one pause after the other, the last for ever; None: the resource is gone."""

    def __init__(self, *pauses: "float | Exception | None") -> None:
        self.pauses = list(pauses)
        self.seen: list[str] = []

    def __call__(self, kind: Kind, namespace: str, name: str) -> float | None:
        self.seen.append(name)
        pause = self.pauses.pop(0) if len(self.pauses) > 1 else self.pauses[0]
        if isinstance(pause, Exception):
            raise pause
        return pause


def go(look: Looks, until: Callable[[], bool], *keys: Key, again: bool = False) -> None:
    async def main() -> None:
        going = Rounds(look)
        for key in keys:
            going.wake(key)
        if again:
            await _hold(lambda: bool(look.seen))
            going.wake(keys[0])
        await _hold(until)
        await going.stop()

    asyncio.run(main())


async def _hold(until: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not until():
            await asyncio.sleep(0.01)


def test_a_registry_is_looked_at_again_after_its_pause() -> None:
    look = Looks(0.01)

    go(look, lambda: len(look.seen) == 3, KEY)

    assert look.seen[:3] == ["quay"] * 3


def test_a_change_is_seen_before_the_pause_is_over() -> None:
    look = Looks(3600.0)

    go(look, lambda: len(look.seen) == 2, KEY, again=True)

    assert look.seen == ["quay", "quay"]


def test_a_resource_that_is_gone_is_looked_at_no_more() -> None:
    look = Looks(None)
    going: list[Rounds] = []

    async def main() -> None:
        going.append(Rounds(look))
        going[0].wake(KEY)
        await _hold(lambda: not going[0]._tasks)

    asyncio.run(main())

    assert look.seen == ["quay"]


def test_a_resource_that_is_made_again_is_looked_at_again() -> None:
    look = Looks(None)

    go(look, lambda: len(look.seen) == 2, KEY, again=True)

    assert look.seen == ["quay", "quay"]


def test_a_round_that_fails_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_FIRST_PAUSE", 0.01)
    look = Looks(RuntimeError("The cluster is away."), RuntimeError("Still."), 3600.0)

    go(look, lambda: len(look.seen) == 3, KEY)

    assert look.seen == ["quay"] * 3


def test_a_cluster_that_is_away_is_told_of_in_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rounds, "_FIRST_PAUSE", 0.01)
    look = Looks(NoAnswer("ReadTimeout"), 3600.0)

    go(look, lambda: len(look.seen) == 2, KEY)

    assert [(r.getMessage(), r.exc_info) for r in caplog.records if r.name == "berth.operator"] == [
        ("QuayRegistry infra/quay: ReadTimeout", None)
    ]


def test_a_registry_whose_round_lasts_keeps_no_other_waiting() -> None:
    held = threading.Event()

    class Slow(Looks):
        def __call__(self, kind: Kind, namespace: str, name: str) -> float | None:
            if name == "quay":
                held.wait(10)
            return super().__call__(kind, namespace, name)

    look = Slow(3600.0)

    def other_was_seen() -> bool:
        if "other" in look.seen:
            held.set()
        return held.is_set()

    go(look, other_was_seen, KEY, OTHER)

    assert look.seen[0] == "other"

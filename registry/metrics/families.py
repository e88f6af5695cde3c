"""What a process counts, in plain numbers in memory: a count costs about a microsecond.

Names and units follow Prometheus's rules. Labels have few values each: a route, never a repository.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
"""Seconds: from a pull that is answered on the loop to a push of a large blob."""

Labels = tuple[str, ...]
Values = dict[Labels, list[float]]

_lock = threading.Lock()


class Kind(StrEnum):
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


class Family:
    """One metric with all its labels. A value of a histogram has a number for each bucket, one for
    what is above them, and the sum."""

    kind: Kind

    def __init__(self, name: str, text: str, labels: Labels = ()) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        self.values: Values = {}
        FAMILIES[name] = self

    def forget(self) -> None:
        with _lock:
            self.values.clear()


class Counter(Family):
    kind = Kind.COUNTER

    def add(self, *labels: str, amount: float = 1) -> None:
        with _lock:
            if value := self.values.get(labels):
                value[0] += amount
            else:
                self.values[labels] = [amount]


class Histogram(Family):
    kind = Kind.HISTOGRAM

    def observe(self, seconds: float, *labels: str) -> None:
        counts = [0] * (len(BUCKETS) + 1)
        counts[bisect_left(BUCKETS, seconds)] = 1
        self.add(counts, seconds, *labels)

    def add(self, counts: Sequence[int], seconds: float, *labels: str) -> None:
        """Many at once: how many fell into each bucket, and above them, and their sum."""
        with _lock:
            merge(self.values, [(labels, [*counts, seconds])])


class Gauge(Family):
    """What is asked for when somebody looks, of each process; the processes are summed up."""

    kind = Kind.GAUGE

    def __init__(
        self, name: str, text: str, read: Callable[[], Mapping[Labels, float]], labels: Labels = ()
    ) -> None:
        super().__init__(name, text, labels)
        self._read = read

    def look(self) -> None:
        self.values = {labels: [value] for labels, value in self._read().items()}


FAMILIES: Final[dict[str, Family]] = {}


def snapshot() -> dict[str, list[tuple[Labels, list[float]]]]:
    """All values of this process, for JSON."""
    for family in FAMILIES.values():
        if isinstance(family, Gauge):
            family.look()
    with _lock:
        return {
            name: [(labels, list(value)) for labels, value in family.values.items()]
            for name, family in FAMILIES.items()
        }


def add_all(taken: Mapping[str, Sequence[Any]]) -> None:
    """Go on counting where the snapshot of a process that ended stopped."""
    for name, values in taken.items():
        family = FAMILIES.get(name)
        if family is not None and family.kind is not Kind.GAUGE:
            with _lock:
                merge(family.values, values)


def merge(into: Values, values: Sequence[Any]) -> None:
    """Add values of a snapshot. Those of another version may have other buckets: left out."""
    for labels, value in values:
        known = into.setdefault(tuple(labels), [0.0] * len(value))
        if len(known) == len(value):
            known[:] = [mine + theirs for mine, theirs in zip(known, value, strict=True)]

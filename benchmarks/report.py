"""Medians, percentiles and the table."""

import statistics
from dataclasses import dataclass, field

from .load import Sample
from .measures import Measure
from .targets import Target

MILLION = 1_000_000
_NOTHING = "-"


@dataclass
class Row:
    """One measure at one concurrency, with the samples of every registry that has such a thing."""

    measure: Measure
    connections: int
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def add(self, target: Target, sample: Sample | None) -> None:
        if sample is not None:
            self.samples.setdefault(target.name, []).append(sample)

    def per_second(self, name: str) -> float:
        return statistics.median(sample.per_second for sample in self.samples[name])

    def processor_ms(self, name: str) -> float:
        """Of the registry's processes, for one operation."""
        return statistics.median(s.processor_seconds for s in self.samples[name]) * 1000

    def quantile_ms(self, name: str, share: float) -> float:
        pooled = sorted(s for sample in self.samples[name] for s in sample.latencies)
        return pooled[min(len(pooled) - 1, int(share * len(pooled)))] * 1000


def table(rows: list[Row], targets: list[Target]) -> str:
    """The figures; of each peer also by how much the first registry is faster and cheaper."""
    first, *peers = [target.name for target in targets]
    titles = "".join(_titles(name, is_peer=name != first) for name in (first, *peers))
    heading = f"{'measure':<27} {'conn':>4}{titles}"
    lines = [heading, "-" * len(heading), *(_line(row, first, peers) for row in rows)]
    if any(target.pids for target in targets):
        lines += ["", *(_memory_line(target) for target in targets)]
    return "\n".join(lines)


def _titles(name: str, *, is_peer: bool) -> str:
    compared = f" {'rate x':>6} {'CPU x':>6}" if is_peer else ""
    return f" | {name:>17} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>7}{compared}"


def _line(row: Row, first: str, peers: list[str]) -> str:
    line = f"{row.measure.name:<27} {row.connections:>4}{_figures(row, first)}"
    for name in peers:
        line += _figures(row, name) + _compared(row, first, name)
    return line


def _figures(row: Row, name: str) -> str:
    if name not in row.samples:
        return f" | {_NOTHING:>17} {_NOTHING:>8} {_NOTHING:>8} {_NOTHING:>7}"
    p50, p99 = row.quantile_ms(name, 0.5), row.quantile_ms(name, 0.99)
    processor = row.processor_ms(name)
    return f" | {_rate(row, name):>17} {p50:>8.1f} {p99:>8.1f} {processor:>7.2f}"


def _compared(row: Row, first: str, peer: str) -> str:
    """How many times the rate of the peer, and which part of its processor time."""
    if first not in row.samples or peer not in row.samples:
        return f" {_NOTHING:>6} {_NOTHING:>6}"
    rate = row.per_second(first) / row.per_second(peer)
    theirs = row.processor_ms(peer)
    processor = f"{row.processor_ms(first) / theirs:.2f}" if theirs else _NOTHING
    return f" {rate:>6.2f} {processor:>6}"


def _rate(row: Row, name: str) -> str:
    per_second = row.per_second(name)
    if row.measure.payload_bytes:
        return f"{per_second * row.measure.payload_bytes / MILLION:,.0f} MB/s"
    return f"{per_second:,.0f}/s" if per_second >= 100 else f"{per_second:,.1f}/s"


def _memory_line(target: Target) -> str:
    rest, peak = target.rest_bytes / MILLION, target.peak_bytes / MILLION
    return f"{target.name:<17} memory of all processes: {rest:.0f} MB at rest, {peak:.0f} MB peak"

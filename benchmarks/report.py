"""Medians, percentiles and the table."""

import statistics
from dataclasses import dataclass, field

from .load import Sample
from .measures import Measure
from .targets import Target

MILLION = 1_000_000


@dataclass
class Row:
    """One measure at one concurrency, with the samples of every registry."""

    measure: Measure
    connections: int
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def add(self, target: Target, sample: Sample) -> None:
        self.samples.setdefault(target.name, []).append(sample)

    def per_second(self, name: str) -> float:
        return statistics.median(sample.per_second for sample in self.samples[name])

    def quantile_ms(self, name: str, share: float) -> float:
        pooled = sorted(s for sample in self.samples[name] for s in sample.latencies)
        return pooled[min(len(pooled) - 1, int(share * len(pooled)))] * 1000


def table(rows: list[Row], targets: list[Target]) -> str:
    """The figures; with two registries also the first one's rate over the second one's."""
    names = [target.name for target in targets]
    titles = "".join(f" | {name:>17} {'p50 ms':>8} {'p99 ms':>8}" for name in names)
    heading = f"{'measure':<27} {'conn':>4}{titles}"
    if len(names) == 2:
        heading += " | ratio"
    lines = [heading, "-" * len(heading), *(_line(row, names) for row in rows)]
    if any(target.pids for target in targets):
        lines += ["", *(_memory_line(target) for target in targets)]
    return "\n".join(lines)


def _line(row: Row, names: list[str]) -> str:
    line = f"{row.measure.name:<27} {row.connections:>4}"
    for name in names:
        p50, p99 = row.quantile_ms(name, 0.5), row.quantile_ms(name, 0.99)
        line += f" | {_rate(row, name):>17} {p50:>8.1f} {p99:>8.1f}"
    if len(names) == 2:
        line += f" | {row.per_second(names[0]) / row.per_second(names[1]):>4.2f}x"
    return line


def _rate(row: Row, name: str) -> str:
    per_second = row.per_second(name)
    if row.measure.payload_bytes:
        return f"{per_second * row.measure.payload_bytes / MILLION:,.0f} MB/s"
    return f"{per_second:,.0f}/s" if per_second >= 100 else f"{per_second:,.1f}/s"


def _memory_line(target: Target) -> str:
    rest, peak = target.rest_bytes / MILLION, target.peak_bytes / MILLION
    return f"{target.name:<17} memory of all processes: {rest:.0f} MB at rest, {peak:.0f} MB peak"

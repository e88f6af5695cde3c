"""``python -m benchmarks``: Berth and docker-registry in turn, one table."""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from .connection import Address, UnexpectedAnswerError
from .measures import MEASURES, Measure
from .report import Row, table
from .servers import REPOSITORY, StartError, berth, docker_registry
from .targets import Target

FULL_SECONDS = 330.0
QUICK_SECONDS = 75.0
ROUNDS = 5


def main() -> int:
    options = _options()
    chosen = _chosen(options)
    if not chosen:
        print(f"benchmarks: no measure has {options.measure!r} in its name", file=sys.stderr)
        return 2
    try:
        with contextlib.ExitStack() as running:
            targets = _targets(options, running)
            rows = _measure(targets, chosen, QUICK_SECONDS if options.quick else FULL_SECONDS)
            print(table(rows, targets))
    except (StartError, UnexpectedAnswerError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(targets: list[Target], measures: list[Measure], seconds: float) -> list[Row]:
    """Whole rounds while the time allows; a new round begins with the other registry."""
    begun = time.monotonic()
    for target in targets:
        target.fill({measure.pulls for measure in measures if measure.pulls})
    rows = [Row(measure, number) for measure in measures for number in measure.connections]
    longest = 0.0
    for number in range(ROUNDS):
        before = time.monotonic()
        if number and before - begun + longest > seconds:
            break
        _round(rows, targets if number % 2 == 0 else targets[::-1])
        longest = max(longest, time.monotonic() - before)
    return rows


def _round(rows: list[Row], targets: list[Target]) -> None:
    for row in rows:
        for target in targets:
            os.sync()  # nobody pays for what another wrote
            row.add(target, target.run(row.measure, row.connections))


def _targets(options: argparse.Namespace, running: contextlib.ExitStack) -> list[Target]:
    if options.url:
        address = Address.of(options.url, ca_file=options.ca_file)
        pids = {options.pid} if options.pid else set()
        who = (options.user, os.environ.get("BENCHMARK_PASSWORD", ""))
        return [Target(options.url, address, options.repository, *who, pids=pids)]
    folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
    targets = []
    for start in (berth, docker_registry):
        place = folder / start.__name__
        place.mkdir()
        if options.only in (None, start.__name__):
            targets.append(running.enter_context(start(place)))
    return targets


def _chosen(options: argparse.Namespace) -> list[Measure]:
    chosen = [measure for measure in MEASURES if measure.quick or not options.quick]
    return [measure for measure in chosen if options.measure in measure.name]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer measures, within 90 s")
    parser.add_argument("--measure", default="", help="only measures with this in their name")
    parser.add_argument("--only", choices=["berth", "docker_registry"])
    parser.add_argument("--url", help="measure this registry instead")
    parser.add_argument("--repository", default=REPOSITORY, help="where to push there")
    parser.add_argument("--user", default="", help="its password: BENCHMARK_PASSWORD")
    parser.add_argument("--ca-file", type=Path, help="CA that signed its certificate")
    parser.add_argument("--pid", type=int, help="its main process, to measure memory")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""``python -m benchmarks``: Berth and other registries in turn, one table."""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.private_postgres import PostgresMissing, installed_programs, private_cluster

from . import slow_clients
from .connection import Address, UnexpectedAnswerError
from .measures import MANY_TAGS, MEASURES, Measure
from .report import Row, table
from .servers import DOCKER_REGISTRY, PEERS, REPOSITORY, StartError, berth
from .targets import Target

FULL_SECONDS = 165.0  # for each registry
QUICK_SECONDS = 38.0
ROUNDS = 5
TAGS = 100_000


def main() -> int:
    options = _options()
    measures = _measures(options)
    is_with_slow_clients = not options.quick and options.measure in slow_clients.NAME
    if not measures and not is_with_slow_clients:
        print(f"benchmarks: no measure has {options.measure!r} in its name", file=sys.stderr)
        return 2
    try:
        with contextlib.ExitStack() as running:
            targets = _targets(options, running)
            _fill(targets, measures, options, is_with_slow_clients=is_with_slow_clients)
            seconds = QUICK_SECONDS if options.quick else FULL_SECONDS
            rows = _measure(targets, measures, seconds * len(targets))
            print(table(rows, targets), flush=True)
            for target in targets if is_with_slow_clients else ():
                print(
                    "\n" + slow_clients.summary(target.name, slow_clients.watch(target)), flush=True
                )
    except (StartError, UnexpectedAnswerError, PostgresMissing) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def _fill(
    targets: list[Target],
    measures: list[Measure],
    options: argparse.Namespace,
    *,
    is_with_slow_clients: bool,
) -> None:
    sizes = {measure.pulls for measure in measures if measure.pulls}
    if is_with_slow_clients:
        sizes.add(slow_clients.BLOB_BYTES)
    are_many_tags_read = any(measure.name == MANY_TAGS for measure in measures)
    for target in targets:
        target.fill(sizes, tags=options.tags if are_many_tags_read else 0)


def _measure(targets: list[Target], measures: list[Measure], seconds: float) -> list[Row]:
    """Whole rounds while the time allows; a new round begins with the other registry."""
    begun = time.monotonic()
    rows = [Row(measure, number) for measure in measures for number in measure.connections]
    longest = 0.0
    for number in range(ROUNDS if rows else 0):
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
    if options.database == "postgresql":
        programs = installed_programs()
        uri = running.enter_context(private_cluster(programs, is_durable=True))
        os.environ["BERTH_DB_URI"] = uri
    folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
    peers = [] if options.alone else options.peer or [DOCKER_REGISTRY]
    starts = {"berth": berth, **{name: PEERS[name].start for name in dict.fromkeys(peers)}}
    for name in starts:
        (folder / name).mkdir()
    return [running.enter_context(start(folder / name)) for name, start in starts.items()]


def _measures(options: argparse.Namespace) -> list[Measure]:
    measures = [measure for measure in MEASURES if measure.quick or not options.quick]
    return [measure for measure in measures if options.measure in measure.name]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer measures, within 90 s")
    parser.add_argument("--measure", default="", help="only measures with this in their name")
    parser.add_argument(
        "--peer",
        action="append",
        choices=[*PEERS],
        help=f"compare with it, {DOCKER_REGISTRY} unless said; may be repeated",
    )
    parser.add_argument("--alone", action="store_true", help="compare with nobody")
    parser.add_argument(
        "--database", choices=["sqlite", "postgresql"], default="sqlite", help="of Berth"
    )
    parser.add_argument("--tags", type=int, default=TAGS, help="in the repository with many")
    parser.add_argument("--url", help="measure this registry instead")
    parser.add_argument("--repository", default=REPOSITORY, help="where to push there")
    parser.add_argument("--user", default="", help="its password: BENCHMARK_PASSWORD")
    parser.add_argument("--ca-file", type=Path, help="CA that signed its certificate")
    parser.add_argument("--pid", type=int, help="its main process, to measure memory")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""``python -m benchmarks.scale``: one million tags and three million manifests on PostgreSQL.

Makes such a registry and one of a hundredth of it, which stay in ``--folder``, and measures them
side by side: requests, or with ``--what`` jobs, what idle processes ask of the database, nothing.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.live import ROOT

from . import chatter, requests
from .registries import MANY_TAGS, Registry, registries

REPOSITORIES = 10_000
TAGS = 100_000
_ROTATING = {
    "BERTH_FEATURE_ACTION_LOG_ROTATION": "true",
    "BERTH_ACTION_LOG_ROTATION_THRESHOLD": "45d",
    "BERTH_ACTION_LOG_ARCHIVE_LOCATION": "default",
}


def main() -> int:
    options = _options()
    amounts = {"repositories": options.repositories, "tags": options.tags}
    with registries(options.folder, **amounts) as pair:
        match options.what:
            case "requests":
                _requests(pair, options.only)
            case "jobs":
                _jobs(pair, options.only)
            case "chatter":
                chatter.tell(pair[0])
            case "servers":
                _serve(pair)
    return 0


def _requests(pair: Sequence[Registry], only: str) -> None:
    names = " | ".join(f"{registry.name} p50 | p99 | CPU ms" for registry in pair)
    print(f"| request | {names} | CPU x |\n|---|{'---:|' * 7}")
    for name, costs in requests.measure(pair, only):
        figures = " | ".join(
            f"{cost.p50_ms:.1f} | {cost.p99_ms:.1f} | {cost.processor_ms:.2f}" for cost in costs
        )
        ratio = costs[-1].processor_ms / max(costs[0].processor_ms, 0.01)
        print(f"| {name} | {figures} | {ratio:.2f} |", flush=True)


def _jobs(pair: Sequence[Registry], only: str) -> None:
    print("| job | | seconds | CPU s | PostgreSQL's CPU s | statements | MB |")
    print(f"|---|---|{'---:|' * 5}", flush=True)
    for registry in pair:
        print(f"| **{registry.name}** | | | | | | |", flush=True)
        command = [sys.executable, "-m", "benchmarks.scale.jobs", "--job", only]
        subprocess.run(command, cwd=ROOT, env=registry.environment | _ROTATING, check=True)


def _serve(pair: Sequence[Registry]) -> None:
    """Until Enter: to look at plans, pages and rows."""
    for registry in pair:
        print(f"{registry.name}: BERTH_DATA={registry.data} BERTH_DB_URI='{registry.uri}'")
    with pair[-1].running(only="web") as server:
        print(f"the large one: {server.url}/{MANY_TAGS}, as generated-owner; Enter ends it")
        sys.stdin.readline()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, required=True, help="where both stay; 25 GB for the default amounts"
    )
    parser.add_argument("--repositories", type=int, default=REPOSITORIES, help="of the large one")
    parser.add_argument("--tags", type=int, default=TAGS, help="of one repository of it")
    parser.add_argument(
        "--what", choices=["requests", "jobs", "chatter", "servers"], default="requests"
    )
    parser.add_argument("--only", default="", help="requests or jobs with this in their name")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

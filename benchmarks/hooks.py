"""``python -m benchmarks.hooks``: what pushes cost that many hooks are told of.

A hundred hooks listen in five repositories, none in five others. Images are pushed to either five
in turn, and the processor time of whoever answers requests is told for each, and that of the jobs
process, which makes the deliveries. They fail: nobody answers under that name.
"""

import argparse
import base64
import http.client
import json
import statistics
import sys
import tempfile
from pathlib import Path

from . import protocol
from .connection import Connection
from .content import KIB, new_image
from .processes import PROC, descendants, processor_seconds
from .servers import berth
from .targets import Target
from .tokens import Login

PUSHES = 1000  # with hooks, and as many without
HOOKS = 20  # of each repository: the most that one has
REPOSITORIES = 5
ROUNDS = 10
WARM_UP = 20  # pushes of each kind
ADDRESS = "https://hooks.invalid/"
_EVENT = {"event": "repo_push", "method": "webhook", "config": {"url": ADDRESS}, "eventConfig": {}}


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder, berth(Path(folder)) as target:
        places = {
            "with hooks": [f"admin/told-{number}" for number in range(REPOSITORIES)],
            "without": [f"admin/quiet-{number}" for number in range(REPOSITORIES)],
        }
        for repositories in places.values():
            _push(target, repositories, WARM_UP)
        for repository in places["with hooks"]:
            _listen(target, repository)
        taken: dict[str, list[float]] = {name: [] for name in places}
        each = max(1, options.pushes // ROUNDS)
        jobs = _named(target, "berth-jobs")
        begun = processor_seconds(jobs)
        for _ in range(ROUNDS):
            for name, repositories in places.items():
                taken[name].append(_push(target, repositories, each))
        job_milliseconds = (processor_seconds(jobs) - begun) * 1000 / (each * ROUNDS)
    print("| pushes | processor time of one |\n|---|---:|")
    for name, milliseconds in taken.items():
        print(f"| {name} | {statistics.median(milliseconds):.2f} ms |")
    more = statistics.median(taken["with hooks"]) / statistics.median(taken["without"]) - 1
    print(f"| more with hooks | {more:+.1%} |")
    print(f"| the jobs process, for each with hooks | {job_milliseconds:.2f} ms |")
    return 0


def _push(target: Target, repositories: list[str], count: int) -> float:
    """How many milliseconds of processor time a push took, in the mean."""
    login = Login(target.address, target.user, target.password)
    web = _named(target, "berth-web")
    begun = processor_seconds(web)
    for number in range(count):
        repository = repositories[number % len(repositories)]
        with Connection(
            target.address, authorization=login.authorization(repository)
        ) as connection:
            protocol.push_image(connection, repository, new_image(layer_bytes=KIB), f"v{number}")
    return (processor_seconds(web) - begun) * 1000 / count


def _listen(target: Target, repository: str) -> None:
    pair = base64.b64encode(f"{target.user}:{target.password}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/json"}
    host = http.client.HTTPConnection(target.address.host, target.address.port, timeout=60)
    for _ in range(HOOKS):
        path = f"/api/v1/repository/{repository}/notification/"
        host.request("POST", path, json.dumps(_EVENT), headers)
        answer = host.getresponse()
        if answer.status != http.HTTPStatus.CREATED:
            raise SystemExit(f"benchmarks: no hook was made: {answer.read().decode()}")
        answer.read()
    host.close()


def _named(target: Target, name: str) -> set[int]:
    """Processes, by what Berth calls them."""
    below = set().union(*map(descendants, target.pids))
    return {pid for pid in below if (PROC / str(pid) / "comm").read_text() == f"{name}\n"}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hooks", description=__doc__)
    parser.add_argument("--pushes", type=int, default=PUSHES)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

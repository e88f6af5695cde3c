"""``python -m benchmarks.memory``: what a registry takes of memory at rest and while it is used.

Also the memory of any group of processes, pages that they share counted once (PSS).
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.live import RunningServer, start_server

PROC = Path("/proc")
ROUNDS = 3
SECONDS = 40  # of use in each round
USERS = 24
REST_SECONDS = 60
_SETTLED_SECONDS = 10
_LOOK_SECONDS = 0.25


def main() -> int:
    from .mixed_use import MixedUse

    options = _options()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        server = start_server(Path(folder) / "data", is_first_start=True)
        try:
            time.sleep(_SETTLED_SECONDS)
            print("| moment | all processes, MB | each |\n|---|---:|---|")
            _print("at rest after the first start", server)
            use = MixedUse(server)
            with Peak(server) as peak:
                use.fill()
            _print(f"after the first pushes (at most {peak.bytes / 1e6:.0f})", server)
            for number in range(options.rounds):
                with Peak(server) as peak:
                    use.go_on(seconds=options.seconds, users=options.users)
                _print(f"round {number + 1} (at most {peak.bytes / 1e6:.0f})", server)
            time.sleep(options.rest)
            _print(f"at rest {options.rest} s afterwards", server)
        finally:
            server.stop()
    print("\ndone: " + ", ".join(f"{n} {name}" for name, n in sorted(use.done.items())))
    print(f"failed: {len(use.failed)}", *use.failed[:10], sep="\n")
    return bool(use.failed)


class Peak:
    """The most that a server took while it was looked at, in ``bytes``."""

    def __init__(self, server: RunningServer) -> None:
        self.bytes = 0
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self.bytes = max(self.bytes, used_bytes({self._server.process.pid}))


def _print(moment: str, server: RunningServer) -> None:
    each = {pid: _pss_bytes(pid) / 1e6 for pid in sorted(descendants(server.process.pid))}
    threads = {pid: len(list((PROC / str(pid) / "task").iterdir())) for pid in each}
    shown = ", ".join(f"{size:.0f} ({threads[pid]} threads)" for pid, size in each.items())
    print(f"| {moment} | {sum(each.values()):.0f} | {shown} |", flush=True)


def descendants(root: int) -> set[int]:
    """The process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found, open_ends = {root}, [root]
    while open_ends:
        below = children.get(open_ends.pop(), [])
        found.update(below)
        open_ends.extend(below)
    return found


def used_bytes(roots: set[int]) -> int:
    """Sum over the processes and what they started; those that ended count nothing."""
    pids = set().union(*(descendants(root) for root in roots))
    return sum(_pss_bytes(pid) for pid in pids)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of use in each round")
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--rest", type=float, default=REST_SECONDS, help="seconds afterwards")
    return parser.parse_args()


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None  # it ended meanwhile


def _pss_bytes(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    sys.exit(main())

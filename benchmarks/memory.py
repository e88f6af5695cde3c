"""``python -m benchmarks.memory``: what a registry takes of memory at rest and while it is used."""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.live import RunningServer, start_server

from .processes import PROC, descendants, memory_of, used_bytes

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
    each = {pid: memory_of(pid) / 1e6 for pid in sorted(descendants(server.process.pid))}
    threads = {pid: len(list((PROC / str(pid) / "task").iterdir())) for pid in each}
    shown = ", ".join(f"{size:.0f} ({threads[pid]} threads)" for pid, size in each.items())
    print(f"| {moment} | {sum(each.values()):.0f} | {shown} |", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of use in each round")
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--rest", type=float, default=REST_SECONDS, help="seconds afterwards")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

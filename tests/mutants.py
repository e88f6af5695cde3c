"""Faults that no test sees: mutmut changes a few files in small ways and runs their room's tests.

Run as ``python -m tests.mutants`` (``make mutants``), in a copy of the tree. The seed chooses the
files, and what is not tried when the time is over stays untried.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

# What is changed. The tests of a room are to notice.
ROOMS = (
    "artifacts/archives",
    "artifacts/oci",
    "artifacts/policy",
    "registry/access",
    "registry/blobs",
    "registry/gc",
    "registry/manifests",
    "registry/tags",
)
MAX_SHOWN = 40  # survivors whose change is printed
_ROOT = Path(__file__).parents[1]
_CONFIGURATION = """
[tool.mutmut]
source_paths = {sources}
only_mutate = {files}
pytest_add_cli_args_test_selection = {tests}
also_copy = {copied}
"""


def main() -> None:
    options = _options()
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    files = chosen_files(options.rooms or list(ROOMS), seed=seed, most=options.files)
    print(f"seed {seed}, at most {options.seconds:.0f} s: {' '.join(files)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="berth-mutants-") as folder:
        tree = Path(folder)
        _copy_tree(tree)
        _configure(tree, files)
        _run_bounded(tree, options.seconds)
        _report(tree)


def chosen_files(rooms: Sequence[str], *, seed: int, most: int) -> list[str]:
    """Files of these rooms, as paths below the root: the same for the same seed."""
    files = [
        str(path.relative_to(_ROOT))
        for room in rooms
        for path in sorted((_ROOT / room).glob("*.py"))
        if path.stat().st_size
    ]
    return sorted(random.Random(seed).sample(files, min(most, len(files))))


def tests_of(room: str) -> list[str]:
    tests = sorted((_ROOT / "tests" / room).glob("test_*.py"))
    return [str(path.relative_to(_ROOT)) for path in tests]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants ARGS=...", description=__doc__)
    parser.add_argument("rooms", nargs="*", help=f"some of {', '.join(ROOMS)}; all by default")
    parser.add_argument("--seed", type=int, help="repeats the choice of an earlier run")
    parser.add_argument("--files", type=int, default=4, help="how many are changed (4)")
    parser.add_argument("--seconds", type=float, default=900, help="the longest it takes (900)")
    options = parser.parse_args()
    if unknown := set(options.rooms) - set(ROOMS):
        parser.error(f"no such room: {', '.join(sorted(unknown))}")
    if options.files < 1 or options.seconds <= 0:
        parser.error("--files and --seconds are above 0")
    return options


def _copy_tree(tree: Path) -> None:
    """What git knows or would take: no data, no caches."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (_ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(_ROOT / name, tree / name)


def _configure(tree: Path, files: Sequence[str]) -> None:
    rooms = sorted({str(Path(name).parent) for name in files})
    text = _CONFIGURATION.format(
        sources=json.dumps(rooms),
        files=json.dumps(list(files)),
        tests=json.dumps([name for room in rooms for name in tests_of(room)]),
        copied=json.dumps(sorted(path.name for path in tree.iterdir())),
    )
    with (tree / "pyproject.toml").open("a") as file:
        file.write(text)


def _run_bounded(tree: Path, seconds: float) -> None:
    """Interrupted when the time is over, it stops and keeps what it knows."""
    process = subprocess.Popen(
        _mutmut("run", "--max-children", "2"), cwd=tree, start_new_session=True
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _report(tree: Path) -> None:
    survivors = list(_survivors(tree))
    for name in survivors[:MAX_SHOWN]:
        print(_answer(tree, "show", name))
    _answer(tree, "export-cicd-stats")
    told = json.loads((tree / "mutants" / "mutmut-cicd-stats.json").read_text())
    killed = told["killed"] + told["timeout"] + told["segfault"]
    tried = killed + told["survived"] + told["suspicious"]
    print(
        f"{killed} of {tried} mutants were noticed; {told['no_tests']} are in functions that no"
        f" test of their room calls; {told['total'] - tried - told['no_tests']} were not tried"
    )
    if not tried:
        sys.exit(
            "No mutant was tried: no test of the room calls these files, the tests failed before,"
            " or the time was too short."
        )


def _survivors(tree: Path) -> Iterator[str]:
    for line in _answer(tree, "results").splitlines():
        name, _, status = line.strip().rpartition(": ")
        if status == "survived":
            yield name


def _answer(tree: Path, *arguments: str) -> str:
    done = subprocess.run(
        _mutmut(*arguments), cwd=tree, capture_output=True, text=True, timeout=600, check=True
    )
    return done.stdout


def _mutmut(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mutmut", *arguments]


if __name__ == "__main__":
    main()

"""A search for stored texts that make a page expensive.

Texts are made of the pieces that their grammar takes for something, repeated, nested, mixed and
cut. Each is given to what a page does with it, in a process of its own, which tells what it took.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.searches import inputs
from tests.searches.inputs import KINDS

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))  # for all kinds
MAX_CPU_SECONDS = 1.0 * float(os.environ.get("SOAK_MARGIN", "3"))
MAX_MEMORY_BYTES = 150 * 1024**2  # with the text itself, and the code that is loaded for it
_ROOT = Path(__file__).parents[2]


@pytest.mark.soak
@pytest.mark.timeout(SECONDS * 10 + 300)
@pytest.mark.parametrize("kind", KINDS)
def test_no_text_makes_a_page_expensive(kind: str) -> None:
    worst: dict[str, object] = {}
    cpu, memory, tried = 0.0, 0, 0
    end = time.monotonic() + SECONDS / len(KINDS)
    seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 10**9))
    while time.monotonic() < end:
        told = _search(kind, seed, end - time.monotonic())
        tried += int(str(told["tried"]))
        if float(str(told["cpu"])) > cpu:
            cpu, worst = float(str(told["cpu"])), told
        memory = max(memory, int(str(told["memory"])))
        seed += 1

    print(f"{kind}: {tried} texts, at most {cpu:.2f} s and {memory / 1024**2:.0f} MiB: {worst}")
    assert tried > 0
    assert cpu <= MAX_CPU_SECONDS, worst
    assert memory <= MAX_MEMORY_BYTES, worst


def test_a_page_that_needs_much_memory_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = inputs.Kind(lambda _: "", lambda _: b"a" * int(1.2 * MAX_MEMORY_BYTES))
    monkeypatch.setattr(inputs, "KINDS", {"planted": planted})
    b"a" * (2 * MAX_MEMORY_BYTES)  # the process was larger before

    inputs.main("planted", seed=0, seconds=0)

    told = json.loads(capsys.readouterr().out)
    assert told["memory"] > MAX_MEMORY_BYTES


def _search(kind: str, seed: int, seconds: float) -> dict[str, object]:
    """What a process found that looks for so long, killed when one text takes it minutes."""
    command = [sys.executable, "-m", "tests.searches.inputs", kind, str(seed), str(seconds)]
    done = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, timeout=seconds + 240, check=True
    )
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told

"""No loop of ours goes on for ever: each has a bound, or a reason that ends it."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS = ("accounts", "artifacts", "config", "registry", "ui")

ENDLESS = {f"{module}{name}" for module in ("", "itertools.") for name in ("count", "cycle")}

# Loops without a condition, and what ends each.
ENDED_OTHERWISE = {
    "accounts/users/services.py: suggest_name": "fewer names are taken than numbers are tried",
    "registry/rows/postgresql/watched.py: _watched": "the answer comes, or the server is away",
    "registry/storage/s3_presence.py: _run": "a thread without work ends",
    "registry/storage/s3_presence.py: wait_for": "the request has its own deadline",
    "config/front_door/transport.py: _send_pieces": "the file ends, or nobody takes the next piece",
}


def endless_loops(tree: ast.AST, scope: str = "") -> Iterator[str]:
    """The function of each ``while True`` and each walk over numbers without an end."""
    for node in ast.iter_child_nodes(tree):
        inner = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else scope
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
            yield inner
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ENDLESS:
            yield inner
        yield from endless_loops(node, inner)


def test_every_loop_without_a_condition_is_known() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {scope}"
        for floor in FLOORS
        for path in sorted((ROOT / floor).rglob("*.py"))
        for scope in endless_loops(ast.parse(path.read_text()))
    }

    assert found == set(ENDED_OTHERWISE)

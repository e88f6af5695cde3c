"""Memory of a group of processes, pages that they share counted once (PSS)."""

from pathlib import Path

PROC = Path("/proc")


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

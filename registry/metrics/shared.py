"""The numbers of all processes of this machine, so that any of them can tell all of them.

Each writes its own into a file from time to time. One that begins takes over the file of one that
ended, so that counters never go back and files never pile up.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings

from registry.metrics.families import FAMILIES, Kind, Values, add_all, merge, snapshot

_TRIES: Final = 3
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")  # per second


@dataclass(slots=True)
class _Own:
    """Under which name this process writes. None before ``begin``."""

    kind: str = ""
    pid: int = 0


_own: Final = _Own()


class ProcessFacts(NamedTuple):
    kind: str
    pid: int
    resident_bytes: int
    open_files: int
    cpu_seconds: float
    started_at: float  # seconds since 1970


def begin(kind: str) -> None:
    """Count as a process of this kind from now on, where one that ended stopped."""
    _folder().mkdir(parents=True, exist_ok=True)
    _own.kind, _own.pid = kind, os.getpid()
    own = _path(kind, _own.pid)
    for path in sorted(_folder().glob(f"{kind}-*.json")):
        if path != own and _is_alive(_pid_of(path)):
            continue
        with suppress(OSError, ValueError):  # another process was quicker
            path.rename(own)
            add_all(json.loads(own.read_text()))
            return


def save() -> None:
    """Let the others know what this process counted."""
    if _own.pid != os.getpid():
        return
    path = _path(_own.kind, _own.pid)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(snapshot(), separators=(",", ":")))
    new.replace(path)


def clear(kind: str) -> None:
    """Drop what processes of an earlier start left. Called before there are any."""
    for path in _folder().glob(f"{kind}-*"):
        path.unlink(missing_ok=True)


def gathered() -> dict[str, Values]:
    """The sums of all processes by the names of families; gauges are those that live."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):  # it was taken over meanwhile
            return _gathered()
    return _sums([(True, snapshot())])


def processes() -> Iterator[ProcessFacts]:
    """The living ones of this machine that count."""
    for path in sorted(_folder().glob("*.json")):
        with suppress(OSError, ValueError, IndexError):
            yield _facts(path.stem.partition("-")[0], _pid_of(path))


def _gathered() -> dict[str, Values]:
    found: list[tuple[bool, dict[str, Any]]] = [(True, snapshot())]
    for path in sorted(_folder().glob("*.json")):
        pid = _pid_of(path)
        if pid != os.getpid():
            with suppress(ValueError):
                found.append((_is_alive(pid), json.loads(path.read_text())))
    return _sums(found)


def _sums(found: list[tuple[bool, dict[str, Any]]]) -> dict[str, Values]:
    sums: dict[str, Values] = {name: {} for name in FAMILIES}
    for is_alive, values in found:
        for name in sums.keys() & values.keys():
            if is_alive or FAMILIES[name].kind is not Kind.GAUGE:
                merge(sums[name], values[name])
    return sums


def _facts(kind: str, pid: int) -> ProcessFacts:
    place = Path("/proc") / str(pid)
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    booted = next(
        int(line.split()[1])
        for line in Path("/proc/stat").read_text().splitlines()
        if line.startswith("btime")
    )
    return ProcessFacts(
        kind=kind,
        pid=pid,
        resident_bytes=int(fields[21]) * _PAGE_BYTES,
        open_files=len(os.listdir(place / "fd")),  # noqa: PTH208 - thousands, only to be counted
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
        started_at=booted + int(fields[19]) / _TICKS,
    )


def _folder() -> Path:
    folder: Path = settings.RUN_DIR
    return folder


def _path(kind: str, pid: int) -> Path:
    return _folder() / f"{kind}-{pid}.json"


def _pid_of(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

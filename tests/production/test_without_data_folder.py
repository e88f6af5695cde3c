"""Where all is kept elsewhere, Berth writes on its machine only what is temporary."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import session_pids
from tests.production.load import load_on
from tests.production.stack import Stack

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(900)]


def test_no_process_writes_a_file_that_is_not_temporary(stack: Stack) -> None:
    with load_on(stack, "written") as load:
        written = set(_written(stack))

    assert load.result.refusals == []
    assert load.lost() == []
    # Locks of those that answer, work and keep time, so it was looked at what they have open.
    assert len({path.parent for path in written}) == 4
    assert [path for path in written if not path.is_relative_to(stack.temporary)] == []


def test_what_is_temporary_is_for_its_user_only_and_goes_with_each_start(stack: Stack) -> None:
    before = _folders(stack)
    with load_on(stack, "restarted") as load:
        stack.webs[0].stop()
        after_stop = _folders(stack)
        stack.webs[1].kill()
        stack.start_web(0)
        stack.start_web(1)
        stack.wait_until_asked()

    assert load.lost() == []
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in _folders(stack)} == {0o700}
    assert len(before - after_stop) == 1
    assert len(_folders(stack)) == len(before) == 4


def test_garbage_is_collected(stack: Stack) -> None:
    assert "Freed " in stack.manage("gc")


def test_the_doctor_misses_no_folder(stack: Stack) -> None:
    said = stack.manage("doctor")

    assert "none is needed, since nothing is kept on this machine" in said


def _folders(stack: Stack) -> set[Path]:
    return set(stack.temporary.glob("berth-serve-*"))


def _written(stack: Stack) -> Iterator[Path]:
    """Files that a process of Berth has open for writing, but for the log that it was given."""
    leaders = [web.process.pid for web in stack.webs] + [part.pid for part in stack.parts.values()]
    for pid in (pid for leader in leaders for pid in session_pids(leader)):
        place = Path("/proc") / str(pid)
        for entry in (place / "fd").iterdir():
            path = entry.readlink()
            flags = next(
                int(line.split()[1], 8)
                for line in (place / "fdinfo" / entry.name).read_text().splitlines()
                if line.startswith("flags:")
            )
            is_log = path.suffix == ".log"
            if flags & (os.O_WRONLY | os.O_RDWR) and path.is_file() and not is_log:
                yield path

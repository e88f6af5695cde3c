"""What is made once for a whole run of the tests, and copied by whoever needs one of its own.

The first process of a run makes the folder, and everything that it starts finds it. Where nobody
made it, as in a benchmark, there is no run and nothing to copy.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

from django.conf import settings
from django.db import connection

_VARIABLE = "BERTH_TEST_RUN"


def begin_run() -> None:
    """Make the folder of this run, unless this process is part of one already."""
    if _VARIABLE in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="berth-run-")
    os.environ[_VARIABLE] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


@contextmanager
def locked_run() -> Iterator[Path | None]:
    """The folder of this run, while no other process makes or copies anything in it."""
    if _VARIABLE not in os.environ:
        yield None
        return
    folder = Path(os.environ[_VARIABLE])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def copy_migrated_database() -> None:
    """Let this process's test database, which Django makes next, begin with all tables in it."""
    test = connection.settings_dict["TEST"]
    with locked_run() as run:
        assert run is not None
        made = run / "migrated"
        is_file = connection.vendor == "sqlite"
        template = f"{made}.sqlite3" if is_file else f"berth_{crc32(str(run).encode()):08x}"
        if not made.exists():
            _migrate(template)
            made.touch()
        if is_file:
            shutil.copy(template, test["NAME"])
        else:
            test["TEMPLATE"] = template


def _migrate(name: str) -> None:
    """Make the database ``name``, and leave this process's settings and connections as before."""
    known = connection.settings_dict
    before, own = known["NAME"], known["TEST"]["NAME"]
    known["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()
    if connection.vendor == "postgresql":
        # A database that is in use cannot be copied.
        connection.close_pool()  # type: ignore[attr-defined]
    known["TEST"]["NAME"] = own
    known["NAME"] = settings.DATABASES["default"]["NAME"] = before

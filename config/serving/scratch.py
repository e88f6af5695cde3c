"""The folder of a start that has no data folder: what its processes tell each other, and locks.

It lies among the system's temporary files and goes when Berth ends. What a kill left goes at the
next start: whoever uses one holds a lock on it.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from django.conf import settings

from config.serving.processes import Options

_PREFIX: Final = "berth-serve-"
_STATIC: Final = "static"
_TRIES: Final = 5


class NoScratch(Exception):
    """Temporary files have no place here. One sentence for a person."""


def needs_of(options: Options) -> tuple[str, ...]:
    """What this start would keep in a data folder, in words; none: it does without."""
    makes_certificate = (
        options.wants_tls and "web" in options.roles and not settings.BERTH.TLS_CERTIFICATE
    )
    return (*settings.KEPT_IN_DATA, *(("certificates (TLS)",) if makes_certificate else ()))


def check() -> None:
    """Raise ``NoScratch`` when there is no folder for temporary files."""
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise NoScratch(
            "No folder for temporary files can be written to. Name one with TMPDIR=FOLDER;"
            " one in memory (tmpfs) will do."
        ) from error


def in_place_of_data(options: Options) -> Options:
    """The same with a new folder for its user only, if this start has no data folder.

    This process and what it becomes hold the lock.
    """
    if settings.HAS_DATA_DIR or needs_of(options):
        return options
    check()
    _remove_left()
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _locked(folder)
        # Another start may have taken it for one that was left.
        if lock is not None and folder.exists():
            os.set_inheritable(lock, True)
            if settings.STATIC_ROOT == settings.DATA_DIR / _STATIC:
                settings.STATIC_ROOT = folder / _STATIC
            return replace(options, data=folder, is_scratch=True)
    raise NoScratch(f"Others remove what is made in {tempfile.gettempdir()}: set TMPDIR=FOLDER.")


def remove(options: Options) -> None:
    if options.is_scratch:
        shutil.rmtree(options.data, ignore_errors=True)


def _remove_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if (lock := _locked(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """A lock on a folder of this user that nobody else holds."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(BlockingIOError):
        if os.fstat(lock).st_uid == os.geteuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
    os.close(lock)
    return None

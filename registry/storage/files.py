"""Small things done to files and folders, the durable way."""

import errno
import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from artifacts.oci.errors import StorageFull
from registry.storage.base import PIECE_BYTES, DiskFailed, Piece

logger = logging.getLogger(__name__)

# Linux alone can tell; elsewhere every piece counts as one that is waited for.
_WITHOUT_WAITING = getattr(os, "RWF_NOWAIT", 1 << 30)
# In one call. The system looks for connected memory for all of a call, and beyond some 100 KiB
# often for what a virtual machine has given back to its host: that takes five times as long.
_WRITTEN_BYTES = 64 * 1024
_SYNCING_THREADS = 2  # each for one of those that take steps of pushes
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DiskUsage(NamedTuple):
    """In bytes."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of an open file that are in memory, for whoever sends them without a copy."""

    file: int
    start: int
    size: int

    def __len__(self) -> int:
        return self.size

    def read(self) -> bytes:
        with disk_is_told():
            return os.pread(self.file, self.size, self.start)


class FileReader(Iterator[bytes]):
    """A stretch of an open file, piece by piece; closes it at the end or when thrown away."""

    def __init__(self, file: int, start: int, length: int) -> None:
        self._file = file
        self._position = start
        self._left = length

    def __next__(self) -> bytes:
        return self._next(PIECE_BYTES)

    def _next(self, most: int) -> bytes:
        with disk_is_told():
            size = min(most, self._left)
            piece = size and os.pread(self._file, size, self._position)
        if not piece:
            FileReader.close(self)
            raise StopIteration
        self._position += len(piece)
        self._left -= len(piece)
        return piece

    def is_in_memory(self, most: int = PIECE_BYTES) -> bool:
        """Whether the next piece can be read without waiting for a disk.

        Only the last byte is looked at: what is read from the beginning on is there before it.
        """
        if not self._left:
            return True
        last = self._position + min(most, self._left) - 1
        try:
            return os.preadv(self._file, [bytearray(1)], last, _WITHOUT_WAITING) == 1
        except (OSError, NotImplementedError):  # not there, or nothing here can tell
            return False

    def read(self, size: int = PIECE_BYTES) -> bytes:
        """The next piece; none at the end."""
        try:
            return self._next(size)
        except StopIteration:
            return b""

    def next_in_memory(self, most: int = PIECE_BYTES) -> Stretch | None:
        """The next bytes, none at the end; ``None`` when reading them may have to wait."""
        if not self.is_in_memory(most):
            return None
        stretch = Stretch(self._file, self._position, min(most, self._left))
        self._position += stretch.size
        self._left -= stretch.size
        return stretch

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._left = 0

    def __del__(self) -> None:
        # Django puts the closing of its response into ``close``, which is for its thread alone.
        FileReader.close(self)


def write_all(file: int, piece: Piece, position: int) -> int:
    """Write the whole piece at ``position``; return the position behind it."""
    view = memoryview(piece)
    while view:
        written = os.pwrite(file, view[:_WRITTEN_BYTES], position)
        position += written
        view = view[written:]
    return position


def begin_sync(file: int, start: int, length: int) -> None:
    """Have a stretch that was just written brought to the disk, without waiting for it.

    That its pages may be given up makes the system write them now. Those that are on their way
    to the disk stay in memory. Without it syncing takes longer, and nothing else is lost.
    """
    with suppress(OSError, AttributeError):  # not every system has the call
        os.posix_fadvise(file, start, length, os.POSIX_FADV_DONTNEED)


def is_durable(folder: Path) -> bool:
    """Whether ``make_folder`` made it so in this process. Somebody may have removed it since."""
    return folder in _durable


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder at or below ``root`` that survives a power cut.

    One that is there may have been made a moment ago by somebody who has not synced it yet: it
    counts as durable when this process has synced it.
    """
    if folder in _durable and folder.is_dir():
        return
    if folder != root:
        make_folder(folder.parent, root)
    elif not folder.parent.is_dir():
        make_folder(folder.parent, folder.parent)
    folder.mkdir(exist_ok=True)
    if folder == root:
        with suppress(PermissionError):  # whoever gave us this one keeps what is above it
            sync_folder(folder.parent)
        _durable.add(folder)
        return
    with os.scandir(folder.parent) as entries:
        there = [folder.parent / entry.name for entry in entries if entry.is_dir()]
    sync_folder(folder.parent)  # for all that were in it
    _durable.update(there)


def sync_together(sync: Callable[[Path], None], paths: Sequence[Path]) -> None:
    """Sync all of them, half by half at once, and raise when any failed, after the last.

    One after the other each would wait for a commit of the file system's journal of its own; two
    at once share most of them, and more would only keep the processor busy.
    """
    ours, theirs = paths[::2], paths[1::2]
    if not theirs:
        _sync_all(sync, ours)
        return
    try:
        syncing = _syncing().submit(_sync_all, sync, theirs)
    except RuntimeError:  # no thread can begin: the machine has none left, or the process ends
        _sync_all(sync, paths)
        return
    try:
        _sync_all(sync, ours)
    finally:
        wait([syncing])
    syncing.result()


def _sync_all(sync: Callable[[Path], None], paths: Sequence[Path]) -> None:
    for path in paths:
        sync(path)


@cache
def _syncing() -> Executor:
    """Made where it is first needed, behind the fork of a process. Its threads only wait."""
    return ThreadPoolExecutor(_SYNCING_THREADS, thread_name_prefix="sync")


def sync_folder(folder: Path) -> None:
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def sync_file(file: Path) -> None:
    _sync(file, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_of(folder: Path) -> DiskUsage:
    """How full the disk is that a folder is on, or will be on. Raises ``OSError``."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    total, _, free = shutil.disk_usage(there)
    return DiskUsage(total, free)


@contextmanager
def locked(folder: int) -> Iterator[None]:
    """An exclusive lock between processes, on an open folder."""
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(folder, fcntl.LOCK_UN)


@contextmanager
def disk_is_told() -> Iterator[None]:
    """What goes wrong between us and the disk, in words of ours. The details go to the log.

    What is not there, or there already, is for the caller to judge.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull("the registry's storage is full") from error
        logger.error("the disk fails: %s", error)  # noqa: TRY400 - told once
        raise DiskFailed(
            "the registry's storage does not answer; try again shortly",
            why=error.strerror or str(error),
        ) from error


_durable: set[Path] = set()
os.register_at_fork(after_in_child=_syncing.cache_clear)  # the threads stay behind

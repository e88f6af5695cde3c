"""Blobs in a directory.

``uploads/<id>/<writer>`` is an upload on its way in. The file's name is the
writer's token: whoever takes an upload over renames the file, and each piece is
written under the folder's lock only while the file still has the writer's name.
``blobs/<aa>/<id>.<writer>`` are the bytes that stay. They are moved there whole, or
written there when they come at once: those of one second into one folder, so that what
is made durable together needs one folder synced.
"""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from artifacts.oci.errors import StorageFull
from registry.storage.base import (
    BytesMissing,
    Piece,
    StorageUnavailable,
    StoredBytes,
    UnfinishedUpload,
    WriterReplaced,
)
from registry.storage.files import (
    FileReader,
    begin_sync,
    disk_is_told,
    disk_of,
    is_durable,
    locked,
    make_folder,
    sync_file,
    sync_folder,
    sync_together,
    write_all,
)

T = TypeVar("T")

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_RESERVE_BYTES = 16 * 1024 * 1024  # left for the database, which shares the disk by default
# More than comes in as small blobs before the disk is asked again.
_PLENTY_BYTES = 4 * 1024**3
_PLENTY_SECONDS = 1.0
_SMALL_BYTES = 1024 * 1024
# Written and still in memory only: the disk begins with it before it is waited for.
_UNSYNCED_BYTES = 8 * 1024 * 1024
_FOLDERS = 256


@dataclass(frozen=True, slots=True)
class FilesystemStore:
    root: Path

    def require(self) -> None:
        try:
            self._free_bytes()
        except OSError as error:
            raise StorageUnavailable(why=f"{self.root}: {error.strerror}") from error
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            raise StorageUnavailable(why=f"{self.root} cannot be written to")

    def require_room(self, size_bytes: int) -> None:
        now = time.monotonic()
        if size_bytes <= _SMALL_BYTES and now < _plenty_until.get(self.root, 0.0):
            return
        with disk_is_told():
            free = self._free_bytes()
        if free > _PLENTY_BYTES:
            _plenty_until[self.root] = now + _PLENTY_SECONDS
        if free < size_bytes + _RESERVE_BYTES:
            raise StorageFull("the registry's storage is full")

    def _free_bytes(self) -> int:
        make_folder(self.root, self.root)
        return disk_of(self.root).free

    @contextmanager
    def hold(
        self, upload: UUID, offset: int, *, confirm: Callable[[], None]
    ) -> "Iterator[FileWriter]":
        folder = self._folder(upload)
        lock = _opened(folder)
        try:
            path = folder / uuid4().hex
            file = _claim(folder, path, lock, offset, confirm)
            try:
                writer = FileWriter(self.root, upload, path, file, lock, offset, begun=offset)
                with disk_is_told():
                    size = os.fstat(file).st_size
                if size < offset:
                    raise BytesMissing(str(upload))
                if size > offset:
                    writer.cut(offset)
                yield writer
                writer.begin_sync()
            finally:
                os.close(file)
        finally:
            os.close(lock)

    def keep(self, upload: UUID, content: Piece) -> str:
        key = _key(upload, uuid4().hex)
        target = self.root / key
        with disk_is_told():
            file = _placed(target, self.root, lambda: os.open(target, _NEW, 0o640))
            try:
                write_all(file, content, 0)
            except BaseException:
                target.unlink()
                raise
            finally:
                os.close(file)
        return key

    def settle(self, keys: Sequence[str]) -> None:
        """All files before their folders: the disk is then waited for about once, not for each."""
        files = [self.root / key for key in keys]
        folders = [self.root / folder for folder in {key.rpartition("/")[0] for key in keys}]
        with disk_is_told():
            try:
                sync_together(sync_file, files)
                sync_together(sync_folder, folders)
            except BaseException:
                for file in files:
                    file.unlink(missing_ok=True)
                raise

    def discard(self, upload: UUID) -> None:
        folder = self._folder(upload)
        with suppress(FileNotFoundError), disk_is_told():
            lock = os.open(folder, _FOLDER)
            try:
                # A writer that is just taking the upload over must not keep its file.
                with _locked_in_place(folder, lock):
                    _remove(folder)
            finally:
                os.close(lock)

    def read(self, key: str, start: int, length: int) -> Iterator[bytes]:
        try:
            with disk_is_told():
                return FileReader(os.open(self.root / key, os.O_RDONLY), start, length)
        except FileNotFoundError as error:
            raise BytesMissing(key) from error

    def link(self, key: str) -> str | None:
        return None

    def size(self, key: str) -> int | None:
        status = _status(self.root / key)
        return status.st_size if status else None

    def delete(self, key: str) -> None:
        with disk_is_told():
            (self.root / key).unlink(missing_ok=True)

    def stored(self, *, after: str = "") -> Iterator[StoredBytes]:
        # All folders' names have two letters, so this is the order of the keys.
        for folder in _listed(self.root / "blobs"):
            prefix = f"blobs/{folder}/"
            if prefix < after[: len(prefix)]:
                continue
            for name in _listed(self.root / "blobs" / folder):
                key = prefix + name
                if key > after and (status := _status(self.root / key)):
                    yield StoredBytes(key, status.st_size, _moment(status.st_mtime))

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        for name in _listed(self.root / "uploads"):
            folder = self.root / "uploads" / name
            files = [_status(folder / file) for file in _listed(folder)]
            times = [status.st_mtime for status in [_status(folder), *files] if status]
            with suppress(ValueError):  # gone since it was listed, or not a folder of ours
                yield UnfinishedUpload(UUID(name), _moment(max(times)))

    def clean(self, *, now: datetime, older_than: timedelta) -> int:
        """There is nothing of the kind on a disk."""
        return 0

    def _folder(self, upload: UUID) -> Path:
        return self.root / "uploads" / str(upload)


@dataclass(slots=True)
class FileWriter:
    root: Path
    upload: UUID
    path: Path
    file: int
    lock: int
    position: int
    begun: int  # up to here the disk was told to write

    def read(self, length: int) -> Iterator[bytes]:
        return FileReader(os.dup(self.file), 0, length)

    def write(self, pieces: Iterable[Piece]) -> int:
        start = self.position
        try:
            for piece in pieces:
                with self.undisturbed(), disk_is_told():
                    self.position = write_all(self.file, piece, self.position)
                    if self.position - self.begun >= _UNSYNCED_BYTES:
                        self.begin_sync()
        except WriterReplaced:
            raise
        except BaseException:
            self.cut(start)
            raise
        return self.position - start

    def begin_sync(self) -> None:
        """What is written now is not waited for when the blob is settled."""
        if self.position > self.begun:
            begin_sync(self.file, self.begun, self.position - self.begun)
        self.begun = self.position

    def cut(self, length: int) -> None:
        with self.undisturbed(), disk_is_told():
            os.ftruncate(self.file, length)
        self.position = length
        self.begun = min(self.begun, length)

    def finish(self) -> str:
        key = _key(self.upload, self.path.name)
        target = self.root / key
        with disk_is_told():
            os.utime(self.file)  # its bytes may have come long before; the row comes next
            with self.undisturbed():
                _placed(target, self.root, lambda: self.path.rename(target))
        # Whoever is just taking the upload over is told so, in place of a missing file.
        with suppress(OSError), _locked_in_place(self.path.parent, self.lock):
            _remove(self.path.parent)
        return key

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        with locked(self.lock):
            with disk_is_told():
                is_ours = self.path.exists()
            if not is_ours:
                raise WriterReplaced(str(self.upload))
            yield


def _placed(target: Path, root: Path, place: Callable[[], T]) -> T:
    """Give a file its place in a folder that survives a power cut."""
    if is_durable(target.parent):
        with suppress(FileNotFoundError):  # the folder is gone since
            return place()
    _make_folder(target.parent, root)
    return place()


def _make_folder(folder: Path, root: Path) -> None:
    """With its neighbours, which are needed soon: what they are in is synced once for all."""
    if not is_durable(folder):
        make_folder(folder.parent, root)
        for last in "0123456789abcdef":
            folder.with_name(folder.name[0] + last).mkdir(exist_ok=True)
    make_folder(folder, root)


def _key(upload: UUID, writer: str) -> str:
    folder = int(time.time()) % _FOLDERS  # of this second: over the minutes all are used alike
    return f"blobs/{folder:02x}/{upload.hex}.{writer}"


def _opened(folder: Path) -> int:
    try:
        with disk_is_told():
            with suppress(FileNotFoundError):
                return os.open(folder, _FOLDER)
            folder.mkdir(parents=True, exist_ok=True)
            return os.open(folder, _FOLDER)
    except (FileNotFoundError, FileExistsError) as error:
        # Another writer finished with the folder, and removed it between our two steps.
        raise WriterReplaced(folder.name) from error


def _claim(folder: Path, path: Path, lock: int, offset: int, confirm: Callable[[], None]) -> int:
    """Give the upload's file, or a new one, this writer's name; return it opened."""
    try:
        with disk_is_told(), _locked_in_place(folder, lock):
            confirm()
            for theirs in folder.iterdir():
                theirs.rename(path)
            create = 0 if offset else os.O_CREAT
            return os.open(path, os.O_RDWR | create, 0o640)
    except FileNotFoundError as error:  # nothing there, or the folder was discarded meanwhile
        _remove_if_empty(folder, lock)
        raise (BytesMissing if offset else WriterReplaced)(folder.name) from error
    except BaseException:
        _remove_if_empty(folder, lock)
        raise


@contextmanager
def _locked_in_place(folder: Path, lock: int) -> Iterator[None]:
    """Raises ``FileNotFoundError`` where the folder is another than the one that is locked.

    Whoever waited for the lock may have got that of a folder that is removed, while somebody else
    made a new one of its name and trusts in the lock of that.
    """
    with locked(lock):
        if not os.path.samestat(os.fstat(lock), folder.stat()):
            raise FileNotFoundError(errno.ENOENT, "another folder is in its place", str(folder))
        yield


def _remove(folder: Path) -> None:
    """With what is in it, which is mostly nothing any more."""
    try:
        folder.rmdir()
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_empty(folder: Path, lock: int) -> None:
    with suppress(OSError), _locked_in_place(folder, lock):
        folder.rmdir()


def _listed(folder: Path) -> list[str]:
    with disk_is_told():
        try:
            return sorted(path.name for path in folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def _status(path: Path) -> os.stat_result | None:
    with disk_is_told():
        try:
            return path.stat()
        except FileNotFoundError:  # never there, or gone since it was listed
            return None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


_plenty_until: dict[Path, float] = {}  # of a root, by time.monotonic

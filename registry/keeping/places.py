"""Where copies are put, under names: a folder, or a folder of a bucket.

A name stands for whole bytes or for none, whenever the writer is killed. Names have slashes.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings

from registry.storage.base import BytesMissing, StorageUnavailable
from registry.storage.files import FileReader, disk_is_told, make_folder, sync_folder
from registry.storage.select import s3_store

if TYPE_CHECKING:
    from registry.storage.s3_bucket import Bucket

_INCOMING = ".incoming"  # files on their way in
_MOST_PARTS = 9000  # S3 allows 10,000
_PART_BYTES = 16 * 1024**2
_LEFT_BEHIND = timedelta(days=1)


class PlaceRefused(Exception):
    """What was named is no place. One sentence for a person."""


class PlacedFile(NamedTuple):
    name: str
    size: int


class Place(Protocol):
    def require(self) -> None:
        """Raise ``StorageUnavailable`` when it does not answer, or not to us."""
        ...

    def files(self, folder: str) -> Iterator[PlacedFile]:
        """Everything below a folder, in the order of the names' bytes."""
        ...

    def read(self, name: str, size: int) -> Iterator[bytes]:
        """The first ``size`` bytes. Raises ``BytesMissing``."""
        ...

    def write(self, name: str, pieces: Iterable[bytes], size: int) -> None:
        """Keep ``pieces``, ``size`` bytes or about as many; nothing when they fail."""
        ...

    def delete(self, name: str) -> None: ...

    def clear(self, folder: str, now: datetime) -> None:
        """Remove what writers into a folder that were killed left behind a day ago."""
        ...


def place_of(text: str) -> Place:
    """A folder, or ``s3://BUCKET/PREFIX`` with keys and address in the environment as usual.

    Raises ``PlaceRefused``.
    """
    if not text or "\n" in text:
        raise PlaceRefused("name a folder, or a bucket as in s3://BUCKET/PREFIX")
    if not text.startswith("s3://"):
        if "://" in text:
            raise PlaceRefused(f"{text} is neither a folder nor s3://BUCKET/PREFIX")
        return FolderPlace(Path(text).absolute())
    parts = urlsplit(text)
    if not parts.netloc:
        raise PlaceRefused(f"{text} names no bucket; write s3://BUCKET/PREFIX")
    from registry.storage.s3_bucket import Bucket, connect

    environ = os.environ
    return BucketPlace(
        Bucket(
            connect(
                s3_bucket=parts.netloc,
                storage_path=parts.path.strip("/"),
                s3_region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION", ""),
                endpoint_url=environ.get("AWS_ENDPOINT_URL_S3")
                or environ.get("AWS_ENDPOINT_URL", ""),
            )
        )
    )


def place_of_store(name: str) -> Place:
    """Where a store of DISTRIBUTED_STORAGE_CONFIG keeps its blobs. Raises ``PlaceRefused``."""
    stores = settings.DISTRIBUTED_STORAGE_CONFIG
    if name not in stores:
        raise PlaceRefused(
            f"DISTRIBUTED_STORAGE_CONFIG has no {name!r}; it has {', '.join(sorted(stores))}"
        )
    driver, parameters = stores[name]
    if driver == "LocalStorage":
        return FolderPlace(Path(parameters["storage_path"]))
    return BucketPlace(s3_store(parameters).bucket)


@dataclass(frozen=True, slots=True)
class FolderPlace:
    root: Path

    def require(self) -> None:
        try:
            make_folder(self.root, self.root)
        except OSError as error:
            raise StorageUnavailable(why=f"{self.root}: {error.strerror}") from error
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            raise StorageUnavailable(why=f"{self.root} cannot be written to")

    def files(self, folder: str) -> Iterator[PlacedFile]:
        for path in _files(self.root / folder):
            with suppress(FileNotFoundError):
                yield PlacedFile(path.relative_to(self.root).as_posix(), path.stat().st_size)

    def read(self, name: str, size: int) -> Iterator[bytes]:
        try:
            with disk_is_told():
                return FileReader(os.open(self.root / name, os.O_RDONLY), 0, size)
        except FileNotFoundError as error:
            raise BytesMissing(name) from error

    def write(self, name: str, pieces: Iterable[bytes], size: int) -> None:
        incoming, target = self.root / _INCOMING / uuid4().hex, self.root / name
        with disk_is_told():
            make_folder(incoming.parent, self.root)
            make_folder(target.parent, self.root)
            try:
                with incoming.open("xb") as file:
                    incoming.chmod(0o600)
                    for piece in pieces:
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                incoming.rename(target)
            except BaseException:
                incoming.unlink(missing_ok=True)
                raise
            sync_folder(target.parent)

    def delete(self, name: str) -> None:
        path = self.root / name
        with disk_is_told():
            path.unlink(missing_ok=True)
        with suppress(OSError):  # others are in it
            path.parent.rmdir()

    def clear(self, folder: str, now: datetime) -> None:
        oldest = (now - _LEFT_BEHIND).timestamp()
        for path in _files(self.root / _INCOMING):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def __str__(self) -> str:
        return str(self.root)


@dataclass(frozen=True, slots=True)
class BucketPlace:
    bucket: "Bucket"

    def require(self) -> None:
        self.bucket.require()

    def files(self, folder: str) -> Iterator[PlacedFile]:
        for page in self.bucket.objects(folder):
            for entry in page:
                yield PlacedFile(entry.key, entry.size)

    def read(self, name: str, size: int) -> Iterator[bytes]:
        from registry.storage.s3_reader import S3Reader

        return S3Reader(self.bucket, name, 0, size) if size else iter(())

    def write(self, name: str, pieces: Iterable[bytes], size: int) -> None:
        part_bytes = max(_PART_BYTES, -(-size // _MOST_PARTS))
        parts = _joined(pieces, part_bytes)
        first = next(parts, b"")
        if len(first) < part_bytes:
            self.bucket.put(name, first)
            return
        multipart = self.bucket.begin(name)
        try:
            sent = [self.bucket.add(name, multipart, 1, first)]
            for number, part in enumerate(parts, 2):
                sent.append(self.bucket.add(name, multipart, number, part))
            self.bucket.complete(name, multipart, sent)
        except BaseException:
            self.bucket.abort(name, multipart)
            raise

    def delete(self, name: str) -> None:
        self.bucket.delete(name)

    def clear(self, folder: str, now: datetime) -> None:
        for page in self.bucket.multiparts(folder):
            for entry in page:
                if entry.moment < now - _LEFT_BEHIND:
                    self.bucket.abort(entry.key, entry.multipart_id)

    def __str__(self) -> str:
        return f"s3://{self.bucket.connection.bucket_name}/{self.bucket.connection.location}"


def _joined(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """``pieces`` as parts of ``size`` bytes; the last may be shorter."""
    part = bytearray()
    for piece in pieces:
        part += piece
        while len(part) >= size:
            yield bytes(part[:size])
            del part[:size]
    if part:
        yield bytes(part)


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder in the order of the bytes of their paths."""
    with disk_is_told():
        try:
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
    for entry in sorted(entries, key=lambda entry: entry.name + "/" * entry.is_dir()):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield Path(entry.path)

"""Backups: all rows as of one moment, and every blob that they name, in a place of their own.

``snapshots/<moment>/`` holds what was in the database then: ``rows/<table>.gz``, a JSON array in
each line; ``blobs.gz``, a line ``[storage key, digest, bytes]`` for each blob; what else belongs to
the registry; and at last ``manifest.json``, without which there is no backup. ``blobs/`` holds
bytes under their storage keys, which are never used twice, for all snapshots together.
"""

import gzip
import hashlib
import heapq
import json
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from registry.blobs.models import Blob
from registry.gc.hold import held
from registry.keeping.copying import Copied, Wanted, copy_blobs, read_stored
from registry.keeping.places import FolderPlace, Place
from registry.keeping.tables import (
    OF_THE_MOMENT,
    Row,
    Snapshot,
    Table,
    plain,
    snapshot,
    tables,
    typed,
)
from registry.storage.base import PIECE_BYTES, BytesMissing
from registry.storage.select import blob_store

FORMAT: Final = 1
SNAPSHOTS: Final = "snapshots"
BLOBS: Final = "blobs.gz"
MANIFEST: Final = "manifest.json"
_STAMP: Final = "%Y%m%dT%H%M%S%fZ"
_GIVEN_UP_AFTER: Final = timedelta(days=1)
_LINE_BYTES: Final = 64 * 1024**2


class BackupInvalid(Exception):
    """There is no backup, or it is not whole. One sentence for a person."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A snapshot that is whole. ``manifest`` is what its file of that name says."""

    place: Place
    stamp: str
    manifest: Mapping[str, Any]

    @property
    def folder(self) -> str:
        return f"{SNAPSHOTS}/{self.stamp}"

    def file(self, name: str) -> Iterator[bytes]:
        """Raises ``BackupInvalid`` at its end, when it is not what the manifest says."""
        entry = self.manifest["files"].get(name)
        if entry is None:
            raise BackupInvalid(f"the backup {self.stamp} has no {name}")
        hasher, size = hashlib.sha256(), 0
        try:
            for piece in self.place.read(f"{self.folder}/{name}", entry["size"]):
                hasher.update(piece)
                size += len(piece)
                yield piece
        except BytesMissing as error:
            raise BackupInvalid(f"{name} of the backup {self.stamp} is lost") from error
        if size != entry["size"] or hasher.hexdigest() != entry["sha256"]:
            raise BackupInvalid(f"{name} of the backup {self.stamp} is broken")

    def blobs(self) -> Iterator[Wanted]:
        """In the order of their keys."""
        for key, digest, size in self._lines(BLOBS):
            yield Wanted(key, digest, size)

    def rows(self, table: Table) -> Iterator[Row]:
        columns = self.manifest["tables"][table.name]["columns"]
        places = [columns.index(column) for column in table.columns]
        for line in self._lines(f"rows/{table.name}.gz"):
            yield tuple(
                typed(field, line[place]) for field, place in zip(table.fields, places, strict=True)
            )

    def _lines(self, name: str) -> Iterator[list[Any]]:
        # As a whole first: what is broken is told before anything is made of it.
        with tempfile.TemporaryFile() as file:
            for piece in self.file(name):
                file.write(piece)
            file.seek(0)
            with gzip.open(file, "rt", encoding="utf-8") as text:
                yield from map(json.loads, text)


@contextmanager
def fetched(backup: Backup) -> Iterator[Backup]:
    """The same, with all but its blobs on this machine. Raises ``BackupInvalid``."""
    with tempfile.TemporaryDirectory(prefix="berth-restore-") as folder:
        place = FolderPlace(Path(folder))
        for name, entry in backup.manifest["files"].items():
            place.write(f"{backup.folder}/{name}", backup.file(name), entry["size"])
        yield replace(backup, place=place)


def back_up(
    place: Place,
    *,
    extras: Mapping[str, bytes],
    version: str,
    clock: Callable[[], datetime],
    tell: Callable[[Copied], None] = lambda _: None,
) -> tuple[Backup, Copied]:
    """Make a snapshot, and copy what blobs ``place`` has not yet. The registry goes on meanwhile.

    Args:
        extras: files that belong to it, by name, such as ``secret_key``.

    Raises ``StorageUnavailable`` and ``HoldLost``; what was there before stays whole.
    """
    place.require()
    place.clear("blobs", clock())
    with held(clock) as hold, tempfile.TemporaryDirectory(prefix="berth-backup-") as folder:
        begun = clock()
        manifest = _spool(Path(folder), extras)
        stamp = begun.astimezone(UTC).strftime(_STAMP)
        blobs = _lines_of(Path(folder) / BLOBS)
        with closing(blobs):
            copied = copy_blobs(
                (Wanted(*line) for line in blobs),
                read=read_stored,
                place=place,
                tell=tell,
                go_on=hold.renew,
            )
        _mend_lost(copied, place, Path(folder), hold.renew)
        files = {}
        for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            files[name] = _keep(place, f"{SNAPSHOTS}/{stamp}/{name}", path)
            hold.renew()
    manifest |= {
        "format": FORMAT,
        "version": version,
        "made_at": begun.isoformat(),
        "database": connection.vendor,
        "migrations": sorted(
            f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()
        ),
        "files": files,
        "lost": copied.lost,
    }
    text = json.dumps(manifest, indent=1).encode()
    place.write(f"{SNAPSHOTS}/{stamp}/{MANIFEST}", [text], len(text))
    _forget_broken_off(place, clock())
    return Backup(place, stamp, manifest), copied


def backups(place: Place) -> list[str]:
    """Moments of those that are whole, the newest last."""
    ending = f"/{MANIFEST}"
    return [
        file.name.removeprefix(f"{SNAPSHOTS}/").removesuffix(ending)
        for file in place.files(SNAPSHOTS)
        if file.name.endswith(ending)
    ]


def open_backup(place: Place, stamp: str = "") -> Backup:
    """The newest, or that of a moment. Raises ``BackupInvalid``."""
    stamps = backups(place)
    if not stamps:
        raise BackupInvalid(f"there is no backup in {place}")
    if stamp and stamp not in stamps:
        raise BackupInvalid(f"there is no backup {stamp}; there are {', '.join(stamps[-10:])}")
    stamp = stamp or stamps[-1]
    sizes = {file.name: file.size for file in place.files(f"{SNAPSHOTS}/{stamp}")}
    name = f"{SNAPSHOTS}/{stamp}/{MANIFEST}"
    text = b"".join(place.read(name, min(sizes[name], _LINE_BYTES)))
    try:
        manifest = json.loads(text)
        known_format = manifest["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise BackupInvalid(f"{name} is not readable") from error
    if known_format != FORMAT:
        raise BackupInvalid(f"the backup {stamp} is of a kind that this version does not know")
    return Backup(place, stamp, manifest)


def forget_all_but(place: Place, count: int) -> tuple[int, int]:
    """Keep the newest ``count`` backups and the blobs that they name; return what went of both."""
    stamps = backups(place)
    gone, kept = stamps[:-count], stamps[-count:]
    if not gone:
        return 0, 0
    for stamp in gone:
        _remove(place, stamp)
    deleted = 0
    named = _merged([open_backup(place, stamp).blobs() for stamp in kept])
    key = next(named, None)
    for file in place.files("blobs"):
        while key is not None and key < file.name:
            key = next(named, None)
        if key != file.name:
            place.delete(file.name)
            deleted += 1
    return len(gone), deleted


def _merged(lists: list[Iterator[Wanted]]) -> Iterator[str]:
    return (blob.key for blob in heapq.merge(*lists))


def _spool(folder: Path, extras: Mapping[str, bytes]) -> dict[str, Any]:
    """Write everything but bytes of blobs to a folder of this machine; return what it is."""
    (folder / "rows").mkdir()
    for name, content in extras.items():
        (folder / name).write_bytes(content)
    entries: dict[str, Any] = {}
    spooled_tables = tables(without=OF_THE_MOMENT)
    with snapshot() as moment:
        for table in spooled_tables:
            rows = _write_lines(
                folder / "rows" / f"{table.name}.gz",
                ([plain(value) for value in row] for row in moment.rows(table)),
            )
            entries[table.name] = {"columns": table.columns, "rows": rows}
        blobs, size = _write_blobs(moment, folder / BLOBS)
    return {"tables": entries, "blobs": {"count": blobs, "bytes": size}}


def _write_blobs(moment: Snapshot, path: Path) -> tuple[int, int]:
    total = 0

    def lines() -> Iterator[list[Any]]:
        nonlocal total
        for key, digest, size in moment.blobs():
            total += size
            yield [key, digest, size]

    return _write_lines(path, lines()), total


def _write_lines(path: Path, lines: Iterable[list[Any]]) -> int:
    count = 0
    with gzip.open(path, "wt", compresslevel=3, encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":")))
            file.write("\n")
            count += 1
    return count


def _lines_of(path: Path) -> Generator[list[Any], None, None]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _read_at(key: str, blob: Wanted) -> Iterator[bytes]:
    return blob_store().read(key, 0, blob.size)


def _mend_lost(copied: Copied, place: Place, folder: Path, go_on: Callable[[], None]) -> None:
    """Blobs whose bytes were lost, and pushed again since, have other keys now."""
    if not copied.lost:
        return
    lost, copied.lost = set(copied.lost), []
    copied.lost_count -= len(lost)
    rows = {blob.digest: blob for blob in Blob.objects.filter(pk__in=lost, missing_at=None)}
    again = [Wanted(*line) for line in _lines_of(folder / BLOBS) if line[1] in lost]
    for blob in again:
        row = rows.get(blob.digest)
        if row is None or row.storage_key == blob.key:
            copied.lose(blob.digest)
            continue
        more = copy_blobs(
            [blob],
            read=partial(_read_at, row.storage_key),
            place=place,
            go_on=go_on,
        )
        copied.blobs += more.blobs
        copied.copied += more.copied
        copied.copied_bytes += more.copied_bytes
        for digest in more.lost:
            copied.lose(digest)


def _keep(place: Place, name: str, path: Path) -> dict[str, Any]:
    hasher = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                hasher.update(piece)
                yield piece

    size = path.stat().st_size
    place.write(name, pieces(), size)
    return {"size": size, "sha256": hasher.hexdigest()}


def _forget_broken_off(place: Place, now: datetime) -> None:
    """Remove what a backup that was killed left; another may be on its way just now."""
    whole = set(backups(place))
    there = {file.name.split("/")[1] for file in place.files(SNAPSHOTS)}
    for stamp in there - whole:
        try:
            begun = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
        except ValueError:
            continue  # not ours
        if begun < now - _GIVEN_UP_AFTER:
            _remove(place, stamp)


def _remove(place: Place, stamp: str) -> None:
    """The manifest first: what is left is no backup any more."""
    place.delete(f"{SNAPSHOTS}/{stamp}/{MANIFEST}")
    for file in list(place.files(f"{SNAPSHOTS}/{stamp}")):
        place.delete(file.name)

"""Events that left the audit log, in files of a store or of a folder.

``<folder>/<day>/<time of the first>-<events>-<sha256>.jsonl.gz``: events of one day (UTC) in their
order, each a line of JSON. The same events make the same file, so what is kept twice is one file.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from django.conf import settings

from accounts.audit.models import AuditEvent
from accounts.audit.rotation import day_of
from registry.keeping.places import FolderPlace, Place, place_of_store
from registry.storage.base import BytesMissing

FOLDER: Final = "audit"
_NAME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})/\d{6}\.\d{6}-(\d{1,9})-([0-9a-f]{64})\.jsonl\.gz", re.ASCII
)
_MOST_BYTES: Final = 1024**3  # of a file, packed: far more than a batch of events can have


class ArchiveBroken(Exception):
    """A file is not what was written. One sentence for a person."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """``size`` is that of the packed bytes."""

    name: str
    day: date
    events: int
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class AuditArchive:
    """All methods raise ``StorageUnavailable`` when the place does not answer."""

    place: Place
    folder: str = FOLDER

    def keep(self, events: Sequence[AuditEvent], *, now: datetime) -> None:
        """Keep events of one day: written, durable, and read back when this returns.

        Raises ``ArchiveBroken`` when other bytes come back.
        """
        self.place.clear(self.folder, now)
        content = gzip.compress("".join(f"{event.line}\n" for event in events).encode(), mtime=0)
        sha256 = hashlib.sha256(content).hexdigest()
        moment = events[0].at.astimezone(UTC)
        name = (
            f"{self.folder}/{day_of(events[0])}/{moment:%H%M%S.%f}-{len(events)}-{sha256}.jsonl.gz"
        )
        self.place.write(name, [content], len(content))
        self._read(name, len(content), sha256)

    def files(
        self, *, since: date | None = None, before: date | None = None
    ) -> Iterator[ArchivedFile]:
        """The files of days from ``since`` on and before ``before``, in the order of time."""
        for file in self.place.files(self.folder):
            if match := _NAME.fullmatch(file.name.removeprefix(f"{self.folder}/")):
                day = date.fromisoformat(match[1])
                if (since is None or day >= since) and (before is None or day < before):
                    yield ArchivedFile(file.name, day, int(match[2]), match[3], file.size)

    def lines(self, file: ArchivedFile) -> Iterator[str]:
        """Each event as JSON, without the end of the line.

        Raises ``ArchiveBroken``, before the first line if the file is not whole.
        """
        content = self._read(file.name, file.size, file.sha256)
        with gzip.open(BytesIO(content), "rt", encoding="utf-8") as text:
            for line in text:
                yield line.rstrip("\n")

    def _read(self, name: str, size: int, sha256: str) -> bytes:
        if size > _MOST_BYTES:
            raise ArchiveBroken(f"{name} is too large to be a file of the archive")
        try:
            content = b"".join(self.place.read(name, size))
        except BytesMissing as error:
            raise ArchiveBroken(f"{name} is lost") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ArchiveBroken(f"{name} is broken: it has other bytes than were written")
        return content


def configured_archive() -> AuditArchive | None:
    """The archive that the configuration names, if one."""
    location = settings.BERTH.ACTION_LOG_ARCHIVE_LOCATION
    path = settings.BERTH.ACTION_LOG_ARCHIVE_PATH
    if location:
        return AuditArchive(place_of_store(location), path or FOLDER)
    return AuditArchive(FolderPlace(Path(settings.DATA_DIR) / path)) if path else None

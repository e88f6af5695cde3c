"""``berth audit_archive``: what left the audit log, as files or as events."""

import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from registry.keeping.audit_archive import (
    ArchiveBroken,
    ArchivedFile,
    AuditArchive,
    configured_archive,
)
from registry.storage.base import StorageUnavailable


class Command(BaseCommand):
    help = (
        "List the files of the archive of the audit log, or with --read write their events, a line"
        " of JSON each. An event may come twice, with the same id."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=_day, metavar="DAY", help="such as 2026-11-30 (UTC)")
        parser.add_argument("--before", type=_day, metavar="DAY", help="the day that is left out")
        parser.add_argument("--read", action="store_true", help="write the events themselves")

    def handle(
        self, *args: Any, since: date | None, before: date | None, read: bool, **options: Any
    ) -> None:
        archive = configured_archive()
        if archive is None:
            raise CommandError(
                "there is no archive: ACTION_LOG_ARCHIVE_LOCATION and ACTION_LOG_ARCHIVE_PATH are"
                " empty"
            )
        try:
            archive.place.require()
            files = archive.files(since=since, before=before)
            broken = 0
            if read:
                broken = self._read(archive, files)
            else:
                self._list(files)
        except StorageUnavailable as error:
            raise CommandError(error.why or str(error)) from error
        if broken:
            sys.exit(1)

    def _read(self, archive: AuditArchive, files: Iterator[ArchivedFile]) -> int:
        """Write all events of the files that are whole; return how many files are not."""
        broken = 0
        for file in files:
            try:
                for line in archive.lines(file):
                    self.stdout.write(line)
            except ArchiveBroken as error:
                self.stderr.write(str(error))
                broken += 1
        return broken

    def _list(self, files: Iterator[ArchivedFile]) -> None:
        count = events = size = 0
        for file in files:
            self.stdout.write(f"{file.events:>9,} events {file.size:>12,} bytes  {file.name}")
            count, events, size = count + 1, events + file.events, size + file.size
        self.stdout.write(f"{events:,} events in {count:,} files, {size:,} bytes")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no day such as 2026-11-30") from error

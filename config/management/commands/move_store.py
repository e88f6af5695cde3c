"""``berth move_store``: copy all blobs to another store that is configured, while Berth serves."""

import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.management.commands.backup import reporter
from registry.gc.hold import HoldLost
from registry.keeping.moving import move_blobs
from registry.keeping.places import PlaceRefused, place_of_store
from registry.storage.base import StorageUnavailable


class Command(BaseCommand):
    help = (
        "Copy all blobs from the store that is in use to another one that"
        " DISTRIBUTED_STORAGE_CONFIG names. What is there already is not copied again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("to", help="a name from DISTRIBUTED_STORAGE_CONFIG")

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        if to == settings.DISTRIBUTED_STORAGE_PREFERENCE[0]:
            raise CommandError(f"{to} is the store that is in use; name another")
        try:
            place = place_of_store(to)
            place.require()
            place.clear("blobs", timezone.now())
            copied = move_blobs(place, clock=timezone.now, tell=reporter(self.stderr))
        except StorageUnavailable as error:
            raise CommandError(f"{to}: {error.why or error}") from error
        except (PlaceRefused, HoldLost, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{copied.blobs:,} blobs are in {to}; {copied.copied:,} were new,"
            f" {copied.copied_bytes:,} bytes."
        )
        for line in _what_next(to):
            self.stdout.write(line)
        if copied.lost_count:
            for digest in copied.lost:
                self.stderr.write(f"{digest}: the store has lost it, or has other bytes")
            self.stderr.write(f"{copied.lost_count:,} blobs could not be copied: run fsck.")
            sys.exit(1)


def _what_next(to: str) -> Iterator[str]:
    if settings.BERTH.is_read_only:
        yield f"Nothing was pushed meanwhile: set DISTRIBUTED_STORAGE_PREFERENCE to [{to}]."
    else:
        yield (
            "What is pushed from now on is not there: set REGISTRY_STATE to readonly, and run this"
            " again."
        )

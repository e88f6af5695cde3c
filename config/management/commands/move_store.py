"""``berth move_store``: copy all blobs to another store that is configured, while Berth serves."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.management.commands.backup import reporter
from registry.gc.hold import HoldLost
from registry.keeping.moving import move_blobs
from registry.keeping.places import PlaceRefused, place_of_store
from registry.storage.base import StorageUnavailable
from registry.storage.select import SeveralStores, blob_store, store_named


class Command(BaseCommand):
    help = (
        "Copy all blobs from the store that is in use to another one that"
        " DISTRIBUTED_STORAGE_CONFIG names. What is there already is not copied again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("to", help="a name from DISTRIBUTED_STORAGE_CONFIG")

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        if [to] == settings.DISTRIBUTED_STORAGE_PREFERENCE:
            raise CommandError(f"{to} is the store that is in use; name another")
        try:
            # Before anything is copied: what ends meanwhile may be passed by.
            is_awaited = _is_awaited()
            place = place_of_store(to)
            place.require()
            place.clear("blobs", timezone.now())
            copied = move_blobs(
                place, store_named(to), clock=timezone.now, tell=reporter(self.stderr)
            )
        except StorageUnavailable as error:
            raise CommandError(f"{to}: {error.why or error}") from error
        except (PlaceRefused, HoldLost, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{copied.blobs:,} blobs are in {to}; {copied.copied:,} were new,"
            f" {copied.copied_bytes:,} bytes."
        )
        self.stdout.write(_what_next(to, is_whole=not (copied.copied or is_awaited)))
        if copied.lost_count:
            for digest in copied.lost:
                self.stderr.write(f"{digest}: the store has lost it, or has other bytes")
            self.stderr.write(f"{copied.lost_count:,} blobs could not be copied: run fsck.")
            sys.exit(1)


def _is_awaited() -> bool:
    """Whether an upload may end in a store that is not the first."""
    store = blob_store()
    return isinstance(store, SeveralStores) and any(store.unfinished_elsewhere())


def _what_next(to: str, *, is_whole: bool) -> str:
    first, *others = settings.DISTRIBUTED_STORAGE_PREFERENCE
    if to != first:
        rest = ", ".join([to, first, *(name for name in others if name != to)])
        return (
            "What is pushed from now on is not there: set DISTRIBUTED_STORAGE_PREFERENCE to"
            f" [{rest}] on all machines, and run this again."
        )
    if is_whole:
        return f"All that is pushed goes there: set DISTRIBUTED_STORAGE_PREFERENCE to [{to}]."
    return "Run this again until nothing is new; uploads that began elsewhere may end there."

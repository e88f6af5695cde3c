"""``berth backup``: copy the whole registry while it runs, and what is new since the last time."""

import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.administration.runtime import loaded
from registry.gc.hold import HoldLost
from registry.keeping.backups import BackupInvalid, back_up, forget_all_but
from registry.keeping.copying import Copied
from registry.keeping.places import PlaceRefused, place_of
from registry.statistics.readiness import pending_migrations
from registry.storage.base import StorageUnavailable

_REPORT_SECONDS = 5.0


class Command(BaseCommand):
    help = (
        "Copy the database, all blobs, the secret key and config.yaml, while Berth runs. Blobs that"
        " are there already are not copied again. Whoever can read the copy can read everything."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "place",
            help="a folder, or s3://BUCKET/PREFIX with keys in the environment (AWS_ACCESS_KEY_ID,"
            " AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL)",
        )
        parser.add_argument(
            "--keep",
            type=int,
            metavar="N",
            help="keep only the newest N backups, and the blobs that they need",
        )
        parser.add_argument(
            "--without-secrets",
            action="store_true",
            help="leave out the secret key and config.yaml",
        )

    def handle(
        self, *args: Any, place: str, keep: int | None, without_secrets: bool, **options: Any
    ) -> None:
        if keep is not None and keep < 1:
            raise CommandError("--keep needs a number from 1 on")
        if pending_migrations():
            raise CommandError("the tables are behind this version: run 'berth migrate' first")
        extras = {} if without_secrets else _secrets()
        try:
            target = place_of(place)
            backup, copied = back_up(
                target,
                extras=extras,
                version=settings.VERSION,
                clock=timezone.now,
                tell=reporter(self.stderr),
            )
            gone, blobs = forget_all_but(target, keep) if keep else (0, 0)
        except StorageUnavailable as error:
            raise CommandError(f"{place}: {error.why or error}") from error
        except (PlaceRefused, BackupInvalid, HoldLost, OSError) as error:
            raise CommandError(str(error)) from error
        rows = sum(table["rows"] for table in backup.manifest["tables"].values())
        self.stdout.write(
            f"{backup.stamp}: {rows:,} rows and {copied.blobs:,} blobs are in {target};"
            f" {copied.copied:,} blobs were new, {copied.copied_bytes:,} bytes."
        )
        if without_secrets:
            self.stdout.write("SECRET_KEY and config.yaml are not in it: keep them elsewhere.")
        elif "config.yaml" not in extras:
            self.stdout.write("There is no config.yaml; what the environment sets is not in it.")
        if gone:
            self.stdout.write(f"Removed {gone:,} older backups and {blobs:,} blobs.")
        if copied.lost_count:
            for digest in copied.lost:
                self.stderr.write(f"{digest}: the store has lost it, or has other bytes")
            self.stderr.write(f"{copied.lost_count:,} blobs could not be copied: run fsck.")
            sys.exit(1)


def reporter(output: Any) -> Any:
    """Writes a line about what was copied every few seconds."""
    last = time.monotonic()

    def tell(copied: Copied) -> None:
        nonlocal last
        if time.monotonic() < last + _REPORT_SECONDS:
            return
        last = time.monotonic()
        output.write(f"copied {copied.copied:,} blobs, {copied.copied_bytes:,} bytes")

    return tell


def _secrets() -> dict[str, bytes]:
    files = {} if settings.SECRET_KEY_IS_MISSING else {"secret_key": settings.SECRET_KEY.encode()}
    if path := loaded().file.path:
        files["config.yaml"] = path.read_bytes()
    return files

"""``berth restore``: make a registry of a backup, where there is none."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.management.commands.backup import reporter
from config.serving import tls
from config.serving.preparation import StartRefused, lock_folder
from registry.gc import fsck
from registry.gc.report import Report
from registry.keeping.backups import Backup, BackupInvalid, open_backup
from registry.keeping.places import PlaceRefused, place_of, place_of_store
from registry.keeping.restoration import RestoreRefused, restore
from registry.storage.base import StorageUnavailable

_BESIDE = "config.from-backup.yaml"


class Command(BaseCommand):
    help = (
        "Fill the empty database and store that the configuration names with what 'berth backup'"
        " copied. What breaks off is begun again by the same command."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("place", help="a folder, or s3://BUCKET/PREFIX")
        parser.add_argument("--at", default="", metavar="MOMENT", help="not the newest, but this")
        parser.add_argument(
            "--verify", action="store_true", help="read every blob again at the end"
        )

    def handle(self, *args: Any, place: str, at: str, verify: bool, **options: Any) -> None:
        try:
            backup = open_backup(place_of(place), at)
            settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock_folder(settings.DATA_DIR)
            call_command("migrate", interactive=False, verbosity=0)
            store = place_of_store(settings.DISTRIBUTED_STORAGE_PREFERENCE[0])
            restored = restore(backup, store, tell=reporter(self.stderr))
        except StorageUnavailable as error:
            raise CommandError(error.why or str(error)) from error
        except (PlaceRefused, BackupInvalid, RestoreRefused, StartRefused, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{backup.stamp}: {restored.rows:,} rows and {restored.blobs.blobs:,} blobs restored."
        )
        for sentence in _put_secrets_back(backup, settings.DATA_DIR):
            self.stdout.write(sentence)
        self._examine(verify=verify)

    def _examine(self, *, verify: bool) -> None:
        """Hide blobs that the backup has not, so that nobody is promised them."""
        now, report = timezone.now(), Report()
        blobs = fsck.compare(now=now, report=report, dry_run=False, may_hide_many=True)
        if verify:
            fsck.rehash(now=now, report=report, tell=lambda _: None, dry_run=False)
        manifests = fsck.check_manifests(report=report)
        for problem in report.problems:
            self.stderr.write(problem)
        self.stdout.write(
            f"{blobs:,} blobs and {manifests:,} manifests examined,"
            f" {report.problem_count:,} problems."
        )
        if report.problem_count:
            sys.exit(1)


def _put_secrets_back(backup: Backup, data: Path) -> list[str]:
    """Sentences about what a person has to do."""
    sentences = []
    files = backup.manifest["files"]
    if "secret_key" not in files:
        sentences.append("The backup has no SECRET_KEY: use the one that you kept.")
    elif settings.SECRET_KEY_IS_MISSING:
        tls.write_private(data / "secret_key", b"".join(backup.file("secret_key")))
    elif b"".join(backup.file("secret_key")) != settings.SECRET_KEY.encode():
        tls.write_private(data / "secret_key.from-backup", b"".join(backup.file("secret_key")))
        sentences.append(
            "SECRET_KEY is another than that of the backup, which is in secret_key.from-backup:"
            " use that, or put it into SECRET_KEY_FALLBACKS."
        )
    if "config.yaml" in files:
        tls.write_private(data / _BESIDE, b"".join(backup.file("config.yaml")))
        sentences.append(f"The configuration of the backup is in {data / _BESIDE}: compare it.")
    return sentences

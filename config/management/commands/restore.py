"""``berth restore``: make a registry of a backup, where there is none."""

import sys
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

_KEY_FILE = "secret_key"


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
            if settings.HAS_DATA_DIR:
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
        for sentence in _put_secrets_back(backup):
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


def _put_secrets_back(backup: Backup) -> list[str]:
    """Sentences about what a person has to do."""
    sentences = []
    files = backup.manifest["files"]
    if _KEY_FILE not in files:
        sentences.append("The backup has no SECRET_KEY: use the one that you kept.")
    elif settings.SECRET_KEY_IS_MISSING:
        _laid_down(backup, _KEY_FILE, _KEY_FILE)
    elif b"".join(backup.file(_KEY_FILE)) != settings.SECRET_KEY.encode():
        place = _laid_down(backup, _KEY_FILE, f"{_KEY_FILE}.from-backup")
        sentences.append(
            f"SECRET_KEY is another than that of the backup, which is in {place}:"
            " use that, or put it into SECRET_KEY_FALLBACKS."
        )
    if "config.yaml" in files:
        place = _laid_down(backup, "config.yaml", "config.from-backup.yaml")
        sentences.append(f"The configuration of the backup is in {place}: compare it.")
    return sentences


def _laid_down(backup: Backup, name: str, beside: str) -> str:
    """Where a file of the backup is now: in the data folder, or only there where none is used."""
    if not settings.HAS_DATA_DIR:
        return f"{backup.place}/{backup.folder}/{name}"
    tls.write_private(settings.DATA_DIR / beside, b"".join(backup.file(name)))
    return str(settings.DATA_DIR / beside)

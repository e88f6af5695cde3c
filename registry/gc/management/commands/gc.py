"""``manage.py gc``: free what nobody needs, now, and say what was freed."""

import sys
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from registry.gc.forecast import forecast
from registry.gc.report import Report
from registry.gc.services import collect
from registry.gc.store import reconcile_store


class Command(BaseCommand):
    help = (
        "Free what nobody needs: tags past the time machine, manifests, blobs, and what crashes"
        " left in the store. Berth goes on serving, and does the same by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be freed")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        now, report = timezone.now(), Report()
        (forecast if dry_run else collect)(now=now, report=report)
        reconcile_store(
            now=now,
            abandoned_after=timedelta(minutes=settings.BERTH.BLOBUPLOAD_DELETION_DATE_THRESHOLD),
            report=report,
            dry_run=dry_run,
        )
        for line in report.lines():
            self.stdout.write(line)
        freed = "Would free" if dry_run else "Freed"
        self.stdout.write(f"{freed} {report.freed_bytes:,} bytes.")
        if report.problem_count:
            for problem in report.problems:
                self.stderr.write(problem)
            sys.exit(1)

"""``tags REPOSITORY``: the tags of a repository, or its history."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from registry.tags.commands import repository_named
from registry.tags.models import Tag

_MOMENT = "%Y-%m-%d %H:%M:%S"


class Command(BaseCommand):
    help = "Show the tags of a repository, with what they expire at; or everything that was."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("repository", metavar="REPOSITORY", help="such as acme/web")
        parser.add_argument(
            "--history", action="store_true", help="moves, deletions, expiries and restores too"
        )

    def handle(self, *, repository: str, history: bool, **_: Any) -> None:
        now = timezone.now()
        rows = Tag.objects.filter(repository=repository_named(repository))
        rows = rows.newest_first() if history else rows.alive(at=now).order_by("name")
        for tag in rows.select_related("manifest").defer("manifest__body"):
            end = tag.end(at=now)
            parts = [tag.name, tag.manifest.digest]
            parts.append(f"{tag.get_start_reason_display()} {tag.started_at:{_MOMENT}}")
            if end:
                parts.append(f"{end[1].label} {end[0]:{_MOMENT}}")
            elif tag.expires_at:
                parts.append(f"expires {tag.expires_at:{_MOMENT}} ({tag.expiry_source})")
            if tag.is_immutable:
                parts.append("immutable")
            if tag.warning:
                parts.append(f"warning: {tag.warning}")
            self.stdout.write("  ".join(parts))

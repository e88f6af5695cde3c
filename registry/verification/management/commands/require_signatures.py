"""``require_signatures REPOSITORY none|report|required``: say what a pull needs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE
from registry.repositories.models import Repository, SignatureRequirement
from registry.repositories.services import require_signatures


class Command(BaseCommand):
    help = "Say whether pulls from a repository need a valid signature, or are only counted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("repository", metavar="NAMESPACE/NAME")
        parser.add_argument("requirement", choices=SignatureRequirement.values)

    def handle(self, *, repository: str, requirement: str, **_: Any) -> None:
        row = Repository.objects.filter(path=repository).first()
        if row is None:
            raise CommandError(f"there is no repository {repository}")
        level = SignatureRequirement(requirement)
        require_signatures(repository=row, requirement=level, now=timezone.now(), by=COMMAND_LINE)
        self.stdout.write(f"{row.path}: {level.label}")

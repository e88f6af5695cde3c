"""``delete_tag REPOSITORY:TAG``: take a tag away, for the time machine to keep, or for good."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, sentences
from registry.manifests.removal import delete_tag_for_good
from registry.tags.commands import add_tag_argument, repository_and_tag
from registry.tags.services import delete_tag


class Command(BaseCommand):
    help = "Delete a tag. It can be restored for a while, unless it is deleted for good."

    def add_arguments(self, parser: CommandParser) -> None:
        add_tag_argument(parser)
        parser.add_argument("--for-good", action="store_true", help="with its history")
        parser.add_argument("--digest", metavar="DIGEST", help="for good: only this of the history")

    def handle(self, *, tag: str, for_good: bool, digest: str | None, **_: Any) -> None:
        if digest and not for_good:
            raise CommandError("--digest needs --for-good beside it")
        repository, name = repository_and_tag(tag)
        now = timezone.now()
        with sentences():
            if for_good:
                delete_tag_for_good(
                    repository=repository, name=name, digest=digest, now=now, by=COMMAND_LINE
                )
            else:
                delete_tag(repository=repository, name=name, now=now, by=COMMAND_LINE)
        self.stdout.write(f"deleted {repository.path}:{name}{' for good' if for_good else ''}")

"""``restore_tag REPOSITORY:TAG DIGEST``: bring a tag back out of the time machine."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, sentences
from registry.manifests.restoration import restore_tag
from registry.tags.commands import add_tag_argument, repository_and_tag


class Command(BaseCommand):
    help = "Let a tag point again at a manifest that it pointed at; see tags --history."

    def add_arguments(self, parser: CommandParser) -> None:
        add_tag_argument(parser)
        parser.add_argument("digest", metavar="DIGEST", help="sha256:…, from the history")

    def handle(self, *, tag: str, digest: str, **_: Any) -> None:
        repository, name = repository_and_tag(tag)
        with sentences():
            restore_tag(
                repository=repository,
                name=name,
                digest=digest,
                now=timezone.now(),
                by=COMMAND_LINE,
            )
        self.stdout.write(f"{repository.path}:{name} points at {digest}")

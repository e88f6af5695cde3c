"""``immutable_tag REPOSITORY:TAG``: see to it that a tag is neither moved nor deleted."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, sentences
from registry.tags.commands import add_tag_argument, repository_and_tag
from registry.tags.services import set_immutable


class Command(BaseCommand):
    help = "Make a tag immutable, or mutable again."

    def add_arguments(self, parser: CommandParser) -> None:
        add_tag_argument(parser)
        parser.add_argument("--off", action="store_true", help="let it be moved and deleted again")

    def handle(self, *, tag: str, off: bool, **_: Any) -> None:
        repository, name = repository_and_tag(tag)
        with sentences():
            set_immutable(
                repository=repository,
                name=name,
                is_immutable=not off,
                now=timezone.now(),
                by=COMMAND_LINE,
            )
        self.stdout.write(f"{repository.path}:{name} is {'mutable' if off else 'immutable'}")

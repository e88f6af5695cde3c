"""``time_machine NAMESPACE``: how long tags that ended can be restored."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, namespace_named, sentences
from registry.tags.time_machine import set_time_machine, time_machine_of


class Command(BaseCommand):
    help = "Show or choose how long the tags of an organization or user can be restored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("namespace", metavar="NAMESPACE", help="an organization or a user")
        group = parser.add_mutually_exclusive_group()
        group.add_argument("lifetime", metavar="LIFETIME", nargs="?", help="such as 4w")
        group.add_argument(
            "--default",
            action="store_true",
            help="as the configuration says (DEFAULT_TAG_EXPIRATION)",
        )

    def handle(self, *, namespace: str, lifetime: str | None, default: bool, **_: Any) -> None:
        with sentences():
            space = namespace_named(namespace)
            if default or lifetime is not None:
                set_time_machine(
                    namespace=space, lifetime=lifetime, now=timezone.now(), by=COMMAND_LINE
                )
        self.stdout.write(f"tags of {space.name} can be restored for {time_machine_of(space)}")

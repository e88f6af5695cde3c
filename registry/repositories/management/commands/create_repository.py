"""``create_repository NAMESPACE/NAME``: make a repository before anything is pushed to it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.commands import sentences
from accounts.credentials.principals import ANONYMOUS
from artifacts.oci.errors import NameInvalid
from registry.repositories.paths import repository_path
from registry.repositories.services import create_repository


class Command(BaseCommand):
    help = "Create a repository of a user or an organization."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAMESPACE/NAME", help="such as acme/web")
        parser.add_argument("--public", action="store_true", help="anybody may pull from it")

    def handle(self, *, name: str, public: bool, **_: Any) -> None:
        try:
            path = repository_path(name)
        except NameInvalid as error:
            raise CommandError(error.reason) from error
        with sentences():
            create_repository(path=path, creator=ANONYMOUS, is_public=public, now=timezone.now())
        self.stdout.write(f"created the {'public' if public else 'private'} repository {path}")

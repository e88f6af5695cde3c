"""``create_organization NAME --owner USER``: make an organization."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, sentences, user_named
from accounts.organizations.services import create_organization


class Command(BaseCommand):
    help = "Create an organization with a team 'owners' that has one user in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the first part of its repositories' names")
        parser.add_argument("--owner", required=True, help="the user who will own it")
        parser.add_argument("--email", default="", help="the organization's e-mail address")

    def handle(self, *, name: str, owner: str, email: str, **_: Any) -> None:
        with sentences():
            create_organization(
                name=name,
                owner=user_named(owner),
                email=email,
                now=timezone.now(),
                by=COMMAND_LINE,
            )
        self.stdout.write(f"created the organization {name}, owned by {owner}")

"""``clear_second_factor USER``: let somebody who lost theirs in with the password alone."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, sentences, user_named
from accounts.credentials.second_factors import clear_factors


class Command(BaseCommand):
    help = "Remove all second factors, passkeys and recovery codes of a user."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="who lost them")

    def handle(self, *, user: str, **_: Any) -> None:
        with sentences():
            cleared = clear_factors(user=user_named(user), now=timezone.now(), by=COMMAND_LINE)
        if cleared:
            self.stdout.write(f"removed the second factors of {user}; the password is enough now")
        else:
            self.stdout.write(f"{user} has no second factor")

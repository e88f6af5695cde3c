"""``create_user NAME``: make a person's account."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, sentences
from accounts.users.passwords import random_password
from accounts.users.services import create_user


class Command(BaseCommand):
    help = "Create a user. Without --password-stdin a random password is made and shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the user logs in as; also their namespace")
        parser.add_argument("--email", default="", help="their e-mail address")
        parser.add_argument("--superuser", action="store_true", help="may administer everything")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )

    def handle(
        self, *, name: str, email: str, superuser: bool, password_stdin: bool, **_: Any
    ) -> None:
        password = _password_from_stdin() if password_stdin else random_password()
        with sentences():
            create_user(
                username=name,
                password=password,
                email=email,
                is_superuser=superuser,
                now=timezone.now(),
                by=COMMAND_LINE,
            )
        kind = "superuser" if superuser else "user"
        self.stdout.write(f"created the {kind} {name}")
        if not password_stdin:
            self.stdout.write(f"password, shown only now: {password}")


def _password_from_stdin() -> str:
    """The first line, without its end."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError("--password-stdin was given, but standard input holds no password")
    return password

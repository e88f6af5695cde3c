"""``rotate_signing_key``: replace the key that signs bearer tokens."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE
from accounts.credentials import keys


class Command(BaseCommand):
    help = "Publish a new signing key, which takes over soon. Tokens of the old one stay good."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--revoke",
            action="store_true",
            help="the present key may be known to others: every token it signed ends now",
        )

    def handle(self, *, revoke: bool, **_: Any) -> None:
        now = timezone.now()
        if revoke:
            kid = keys.revoke(now=now, by=COMMAND_LINE)
            self.stdout.write(f"all tokens have ended; the signing key is {kid} from now on")
        else:
            kid = keys.rotate(now=now, by=COMMAND_LINE)
            self.stdout.write(f"published the signing key {kid}")

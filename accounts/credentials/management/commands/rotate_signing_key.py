"""``rotate_signing_key``: replace the key that signs bearer tokens."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.commands import COMMAND_LINE
from accounts.credentials.keys import rotate


class Command(BaseCommand):
    help = "Publish a new signing key, which takes over soon. Tokens of the old one stay good."

    def handle(self, **_: Any) -> None:
        kid = rotate(now=timezone.now(), by=COMMAND_LINE)
        self.stdout.write(f"published the signing key {kid}")

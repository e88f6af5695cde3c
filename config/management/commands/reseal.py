"""``berth reseal``: encrypt under SECRET_KEY what SECRET_KEY_FALLBACKS encrypted."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from accounts.credentials.keys import reseal_keys
from accounts.credentials.robots.readable import reseal_tokens
from registry.events.services import reseal_hooks
from ui.accounts.adapters import reseal_factors


class Command(BaseCommand):
    help = (
        "Encrypt signing keys, secrets of hooks, second factors and readable tokens of robots under"
        " SECRET_KEY, whichever of SECRET_KEY_FALLBACKS they are encrypted under. Afterwards these"
        " are not needed for them."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        lost = [*reseal_keys(), *reseal_hooks(), *reseal_factors(), *reseal_tokens()]
        for name in lost:
            self.stderr.write(f"{name}: neither SECRET_KEY nor SECRET_KEY_FALLBACKS opens it.")
        if lost:
            sys.exit(1)
        self.stdout.write("All secrets are encrypted under SECRET_KEY.")

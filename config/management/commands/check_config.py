"""``manage.py check_config [FILE]``: is the configuration right, and what is in force?"""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.configuration import SECRET_KEYS
from config.loading import LoadedConfiguration, load_configuration
from config.storage_drivers import without_secrets


class Command(BaseCommand):
    help = "Check a config.yaml and show every value in force and where it comes from."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="default: the file in use")

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load_configuration(os.environ, file=options["file"])
        self.stdout.write(explain(loaded))
        for warning in loaded.warnings:
            self.stdout.write(f"warning: {warning}")


def explain(loaded: LoadedConfiguration) -> str:
    """One line for each key: its value and where that comes from."""
    file = loaded.file.path or f"none ({loaded.data / 'config.yaml'} does not exist)"
    lines = [f"Data folder: {loaded.data}", f"File: {file}", ""]
    for key, origin in loaded.origins.items():
        value = without_secrets(getattr(loaded.configuration, key))
        shown = "(set, not shown)" if key in SECRET_KEYS and origin != "default" else repr(value)
        place = f"line {loaded.file.line((key,))}" if origin == "file" else origin
        lines.append(f"{key} = {shown}  [{place}]")
    for key, service in loaded.login_services.items():
        lines.append(f"{key} = {without_secrets(service.model_dump())!r}")
    return "\n".join([*lines, "", "The configuration is right."])

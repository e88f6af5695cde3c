"""``manage.py check_config [FILE]``: is the configuration right, and what is in force?"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from config.administration.runtime import effective, stored
from config.keys.configuration import SECRET_KEYS
from config.keys.loading import LoadedConfiguration, load_configuration
from config.keys.storage_drivers import without_secrets


class Command(BaseCommand):
    help = "Check a config.yaml and show every value in force and where it comes from."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="default: the file in use")

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load_configuration(os.environ, file=options["file"])
        changed, problems = _changed_by_administrators(loaded)
        self.stdout.write(explain(loaded, changed))
        for warning in (*loaded.warnings, *problems):
            self.stdout.write(f"warning: {warning}")


def explain(loaded: LoadedConfiguration, changed: Mapping[str, Any]) -> str:
    """One line for each key: its value and where that comes from.

    ``changed`` holds the values that administrators set while Berth ran.
    """
    file = loaded.file.path or f"none ({loaded.data / 'config.yaml'} does not exist)"
    data = loaded.data if loaded.has_data else "none, since nothing is kept in one"
    lines = [f"Data folder: {data}", f"File: {file}", ""]
    for key, origin in loaded.origins.items():
        value = without_secrets(changed.get(key, getattr(loaded.configuration, key)))
        shown = "(set, not shown)" if key in SECRET_KEYS and origin != "default" else repr(value)
        place = f"line {loaded.file.line((key,))}" if origin == "file" else origin
        place = "admin" if key in changed else place
        lines.append(f"{key} = {shown}  [{place}]")
    for key, service in loaded.login_services.items():
        lines.append(f"{key} = {without_secrets(service.model_dump())!r}")
    return "\n".join([*lines, "", "The configuration is right."])


def _changed_by_administrators(loaded: LoadedConfiguration) -> tuple[dict[str, Any], list[str]]:
    """Values of rows that are in force, and sentences about rows that are not.

    A database that is not there yet has no rows, and is not made by looking.
    """
    name = settings.DATABASES["default"]["NAME"]
    if connection.vendor == "sqlite" and not Path(name).exists():
        return {}, []
    try:
        in_force = effective(loaded, stored())
    except DatabaseError:
        return {}, ["the database does not answer: what administrators set there is not shown."]
    values = {key: getattr(in_force.configuration, key) for key in sorted(in_force.from_admin)}
    return values, [
        f"admin: {key} is left out: {text.rstrip('.')}." for key, text in in_force.problems.items()
    ]

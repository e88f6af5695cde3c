"""``manage.py serve``: what ``make serve`` runs once the packages are installed."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections
from django.utils import timezone

from config.administration.runtime import loaded
from config.keys.paths import BASE_DIR
from config.serving import preparation, scratch
from config.serving.processes import FRUGAL, ROLES, OptionRefused, Options, ServedCertificate


class Command(BaseCommand):
    help = (
        "Start Berth on this machine: web server and jobs, or one part of it. Environment:"
        " HOST (127.0.0.1), PORT (8080), SERVER_HOSTNAME, WORKERS, TLS=1, BERTH_DATA (./data),"
        " BERTH_ADMIN_PASSWORD (for the first administrator)."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only",
            choices=ROLES,
            default="",
            help="web: answer requests; worker: do jobs; beat: send the periodic ones. Several"
            " machines may run each; of those that send, one does.",
        )

        parser.add_argument(
            "--no-migrate",
            action="store_true",
            help="leave the tables as they are, and do not start when they are behind this version",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for warning in settings.CONFIGURATION_WARNINGS:
            self.stderr.write(warning)
        try:
            server_options = Options.read(os.environ, only=options["only"])
            preparation.check(server_options)
            server_options = scratch.in_place_of_data(server_options)
            served = preparation.prepare(
                server_options,
                admin_password=os.environ.get("BERTH_ADMIN_PASSWORD", ""),
                migrates=not options["no_migrate"],
                now=timezone.now(),
            )
        except (OptionRefused, scratch.NoScratch, preparation.StartRefused) as error:
            sys.exit(f"Berth cannot start: {error}")
        connections.close_all()
        _become_supervisor(server_options, served)


def _become_supervisor(options: Options, served: ServedCertificate | None) -> None:
    """Replace this process by one that has only what it needs, and the environment it needs."""
    environment = dict(os.environ)
    # Everybody finds the code and the data, whatever folder this was started in.
    environment["PYTHONPATH"] = str(BASE_DIR)
    environment["BERTH_DATA"] = str(options.data)
    if file := loaded().file.path:
        environment["BERTH_CONFIG"] = str(file.absolute())
    environment.pop("BERTH_ADMIN_PASSWORD", None)
    for name, value in FRUGAL.items():
        environment.setdefault(name, value)
    if options.server_hostname:
        environment["BERTH_SERVER_HOSTNAME"] = options.server_hostname
    command = [sys.executable, "-m", "config.serving.serve"]
    if len(options.roles) == 1:
        command += ["--only", *options.roles]
    if options.is_scratch:
        command += ["--scratch"]
    if served:
        environment.setdefault("BERTH_PREFERRED_URL_SCHEME", "https")
        command += ["--certificate", str(served.certificate), "--key", str(served.key)]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own command

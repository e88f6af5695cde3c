"""``create_robot OWNER+NAME``: make an account for a machine, with its token."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.commands import COMMAND_LINE, namespace_named, sentences
from accounts.credentials.services import issue_robot_token
from accounts.users.services import create_robot


class Command(BaseCommand):
    help = "Create a robot of a user or an organization and show its token, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="OWNER+NAME", help="what it logs in as, as acme+ci")
        parser.add_argument("--description", default="", help="what it is for")

    def handle(self, *, name: str, description: str, **_: Any) -> None:
        owner, plus, short_name = name.partition("+")
        if not plus:
            raise CommandError(f"{name!r} is no robot's name: write OWNER+NAME, such as acme+ci")
        now = timezone.now()
        with sentences(), transaction.atomic():
            robot = create_robot(
                owner=namespace_named(owner),
                short_name=short_name,
                description=description,
                now=now,
                by=COMMAND_LINE,
            )
            token = issue_robot_token(robot=robot, now=now, by=COMMAND_LINE)
        self.stdout.write(f"created the robot {name}; its token, shown only now:")
        self.stdout.write(token)

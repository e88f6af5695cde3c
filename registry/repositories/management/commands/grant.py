"""``grant ROLE REPOSITORY``: say what a user, a robot or a team may do in a repository."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, sentences, user_named
from accounts.credentials.principals import ANONYMOUS
from accounts.organizations.models import Team
from accounts.users.models import Robot, User
from artifacts.oci.errors import NameInvalid
from registry.repositories.models import Repository, Role
from registry.repositories.paths import repository_path
from registry.repositories.services import find_or_create_repository, grant


class Command(BaseCommand):
    help = "Give a user, a robot or a team a role in a repository: read, write or admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", choices=Role.values)
        parser.add_argument("repository", metavar="NAMESPACE/NAME")
        holder = parser.add_mutually_exclusive_group(required=True)
        holder.add_argument("--user", metavar="NAME")
        holder.add_argument("--robot", metavar="OWNER+NAME")
        holder.add_argument("--team", metavar="ORGANIZATION/TEAM")
        parser.add_argument("--create", action="store_true", help="make the repository if needed")

    def handle(self, *, role: str, repository: str, create: bool, **options: Any) -> None:
        with sentences():
            row = _repository(repository, create=create)
            holder = _holder(options)
            grant(
                repository=row,
                role=Role(role),
                holder=holder,
                now=timezone.now(),
                by=COMMAND_LINE,
            )
        self.stdout.write(f"{holder} now has the role {role} in {row.path}")


def _repository(name: str, *, create: bool) -> Repository:
    try:
        path = repository_path(name)
    except NameInvalid as error:
        raise CommandError(error.reason) from error
    if create:
        return find_or_create_repository(
            path=path, creator=ANONYMOUS, is_public=False, now=timezone.now()
        )
    repository = Repository.objects.filter(path=path).first()
    if repository is None:
        raise CommandError(f"there is no repository {path}; add --create to make it")
    return repository


def _holder(options: dict[str, Any]) -> User | Robot | Team:
    if options["user"] is not None:
        return user_named(options["user"])
    if options["robot"] is not None:
        robot = Robot.objects.named(options["robot"]).select_related("namespace").first()
        if robot is None:
            raise CommandError(f"there is no robot {options['robot']}")
        return robot
    organization, _, name = options["team"].partition("/")
    teams = Team.objects.select_related("organization__namespace")
    team = teams.filter(organization__namespace__name=organization, name=name).first()
    if team is None:
        raise CommandError(f"there is no team {options['team']}; write ORGANIZATION/TEAM")
    return team

"""Users, robots and teams by the names that people and programs give."""

from django.db.models import Q, QuerySet

from accounts.credentials.principals import Principal
from accounts.errors import AccountError, UserUnknown
from accounts.names import is_name
from accounts.organizations.models import Organization, Team
from accounts.users.models import Namespace, Robot, User
from registry.access.rights import sees_everything
from registry.repositories.models import administered_namespaces


class RobotUnknown(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no robot {name!r}")


class TeamUnknown(AccountError):
    def __init__(self, name: str, organization: str) -> None:
        super().__init__(f"the organization {organization!r} has no team {name!r}")


def user_or_robot(
    name: str, *, place: Namespace, asker: Principal, known: QuerySet[Robot] | None = None
) -> User | Robot:
    """The robot that logs in as ``name`` when there is a ``+`` in it, or else the user.

    Only robots that the asker may know of are found: those of ``place`` and of namespaces that
    they administer, and ``known`` ones. Any other answers as one that does not exist.
    """
    name = name.strip()
    if "+" not in name:
        return user_named(name)
    if not all(is_name(part) for part in name.split("+", 1)):
        raise RobotUnknown(name)
    robots = Robot.objects.select_related("namespace").named(name)
    if not sees_everything(asker):
        theirs = Q(namespace=place) | Q(namespace__in=administered_namespaces(asker))
        robots = robots.filter(theirs | Q(pk__in=known if known is not None else []))
    robot = robots.first()
    if robot is None:
        raise RobotUnknown(name)
    return robot


def user_named(name: str) -> User:
    name = name.strip()
    # Not everything that is typed can be asked about: no database has NUL in its text.
    user = User.objects.filter(username=name).first() if is_name(name) else None
    if user is None:
        raise UserUnknown(name)
    return user


def team_named(name: str, organization: Organization) -> Team:
    name = name.strip()
    team = organization.teams.filter(name=name).first() if is_name(name) else None
    if team is None:
        raise TeamUnknown(name, organization.name)
    team.organization = organization
    return team

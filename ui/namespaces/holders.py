"""Users, robots and teams by the names that people type."""

from accounts.errors import AccountError, UserUnknown
from accounts.organizations.models import Organization, Team
from accounts.users.models import Robot, User


class RobotUnknown(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no robot {name!r}")


class TeamUnknown(AccountError):
    def __init__(self, name: str, organization: str) -> None:
        super().__init__(f"the organization {organization!r} has no team {name!r}")


def user_or_robot(name: str) -> User | Robot:
    """The robot that logs in as ``name`` when there is a ``+`` in it, or else the user."""
    name = name.strip()
    if "+" not in name:
        return user_named(name)
    robot = Robot.objects.select_related("namespace").named(name).first()
    if robot is None:
        raise RobotUnknown(name)
    return robot


def user_named(name: str) -> User:
    user = User.objects.filter(username=name.strip()).first()
    if user is None:
        raise UserUnknown(name.strip())
    return user


def team_named(name: str, organization: Organization) -> Team:
    team = organization.teams.filter(name=name.strip()).first()
    if team is None:
        raise TeamUnknown(name.strip(), organization.name)
    team.organization = organization
    return team

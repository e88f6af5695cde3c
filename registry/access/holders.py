"""Users, robots and teams by the names that people and programs give, and which names fit."""

from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.credentials.principals import Principal
from accounts.errors import AccountError, UserUnknown
from accounts.names import is_name
from accounts.organizations.models import Organization, Team, TeamMember
from accounts.users.models import Namespace, Robot, User
from registry.access.rights import sees_everything
from registry.repositories.models import Repository, administered_namespaces


class RobotUnknown(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no robot {name!r}")


class TeamUnknown(AccountError):
    def __init__(self, name: str, organization: str) -> None:
        super().__init__(f"the organization {organization!r} has no team {name!r}")


def user_or_robot(
    name: str, *, place: Namespace, asker: Principal, known: QuerySet[Robot] | None = None
) -> User | Robot:
    """The robot that logs in as ``name`` when there is a ``+`` in it, or else the user; where
    there is none, the robot of ``place`` that is called so there.

    Only robots that the asker may know of are found: those of ``place`` and of namespaces that
    they administer, and ``known`` ones. Any other answers as one that does not exist.
    """
    name = name.strip()
    if "+" not in name:
        return _user_or_own_robot(name, place)
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


def _user_or_own_robot(name: str, place: Namespace) -> User | Robot:
    try:
        return user_named(name)
    except UserUnknown:
        robot = place.robots.filter(short_name=name).first() if is_name(name) else None
        if robot is None:
            raise
        robot.namespace = place
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


def known_names(
    kind: str, text: str, *, place: Namespace, asker: Principal, most: int
) -> list[tuple[str, str]]:
    """Names with ``text`` in them, each with what it is, for somebody who administers ``place``.

    People are those of its organization and of the asker's, and whoever is called exactly so: of
    others nobody learns by typing.

    Args:
        kind: ``account``, ``user``, ``robot``, ``team`` or ``repository``.
        most: of users, and as many robots.
    """
    text = text.strip().lower()
    if "\x00" in text:
        return []
    return [
        name for names_of in _NAMES.get(kind, ()) for name in names_of(text, place, asker, most)
    ]


def people_in_sight(
    text: str, *, asker: Principal, place: Namespace | None = None
) -> QuerySet[User]:
    """Active people whose names the asker may learn by typing ``text``: who is in an organization
    with them or in that of ``place``, and whoever is called exactly so."""
    users = User.objects.filter(is_active=True)
    if sees_everything(asker):
        return users
    mine = TeamMember.objects.filter(user=asker.id).values("team__organization")
    shared = Q(team__organization__in=mine)
    if place is not None:
        shared |= Q(team__organization__namespace=place)
    near = TeamMember.objects.filter(shared, user=OuterRef("pk"))
    return users.filter(Q(username=text) | Q(Exists(near)))


def _users(text: str, place: Namespace, asker: Principal, most: int) -> list[tuple[str, str]]:
    people = people_in_sight(text, asker=asker, place=place)
    names = people.filter(username__contains=text).order_by("username")
    return [(name, "User") for name in names.values_list("username", flat=True)[:most]]


def _robots(text: str, place: Namespace, asker: Principal, most: int) -> list[tuple[str, str]]:
    part = text.removeprefix(f"{place.name}+")
    names = place.robots.filter(short_name__contains=part).order_by("short_name")
    shorts = names.values_list("short_name", flat=True)[:most]
    return [(f"{place.name}+{short}", "Robot") for short in shorts]


def _teams(text: str, place: Namespace, asker: Principal, most: int) -> list[tuple[str, str]]:
    teams = Team.objects.filter(organization__namespace=place, name__contains=text)
    names = teams.order_by("name").values_list("name", flat=True)[:most]
    return [(name, "Team") for name in names]


def _repositories(
    text: str, place: Namespace, asker: Principal, most: int
) -> list[tuple[str, str]]:
    rows = Repository.objects.filter(namespace=place)
    if sees_everything(asker):
        rows = Repository.objects.all()
    elif asker.kind == "user":
        rows |= Repository.objects.administered_by(asker)
    paths = rows.filter(path__contains=text).order_by("path").values_list("path", flat=True)
    return [(path, "Repository") for path in paths[:most]]


_NAMES: Final = {
    "account": (_robots, _users),
    "user": (_users,),
    "robot": (_robots,),
    "team": (_teams,),
    "repository": (_repositories,),
}

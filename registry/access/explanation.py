"""Who may do what in a repository, and where each right comes from.

The decision itself is made in ``rights.py``. What stands here says the same in more words, for
somebody who logs in without a narrower token; tests hold the two together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.credentials.principals import ANONYMOUS
from accounts.organizations.models import Team, TeamMember, TeamRole
from accounts.users.models import Robot, User
from registry.access.rights import NOTHING, OF_ROLE, READ
from registry.access.scopes import ALL_ACTIONS, Action
from registry.repositories.models import Repository, RepositoryGrant

MOST_HOLDERS = 200  # people and robots that are listed; about any other one can ask

Account = User | Robot
Key = tuple[type[Account], int]


class Source(StrEnum):
    """Where a right comes from."""

    SUPERUSER = "superuser"
    OWNER = "owner"
    TEAM_ADMIN = "administering team"
    TEAM_GRANT = "team"
    GRANT = "grant"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Reason:
    source: Source
    actions: frozenset[Action]
    team: str = ""
    role: str = ""

    def __str__(self) -> str:
        match self.source:
            case Source.SUPERUSER:
                return "superusers may do everything here (FEATURE_SUPERUSERS_FULL_ACCESS)"
            case Source.OWNER:
                return "the repository is in their own namespace"
            case Source.TEAM_ADMIN:
                return f"the team {self.team} administers the organization"
            case Source.TEAM_GRANT:
                return f"the team {self.team} has the role {self.role} here"
            case Source.GRANT:
                return f"has the role {self.role} here"
            case Source.PUBLIC:
                return "the repository is public"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What somebody may do, with every reason; ``account`` is ``None`` for who is not signed in."""

    account: Account | None
    reasons: Sequence[Reason]

    @property
    def actions(self) -> frozenset[Action]:
        return NOTHING.union(*(reason.actions for reason in self.reasons))

    @property
    def name(self) -> str:
        if self.account is None:
            return ANONYMOUS.kind
        return self.account.username if isinstance(self.account, User) else self.account.name


@dataclass(frozen=True, slots=True)
class Holders:
    """Who has rights that not everybody has. ``has_more``: there are others besides."""

    listed: Sequence[Explanation]
    has_more: bool


def explain(*, account: Account | None, repository: Repository) -> Explanation:
    """What ``account`` may do in a repository, and why; ``None`` is who has not signed in."""
    if account is None:
        is_open = repository.is_public and settings.BERTH.FEATURE_ANONYMOUS_ACCESS
        return Explanation(None, [Reason(Source.PUBLIC, READ)] if is_open else [])
    (explanation,) = _explained([account], repository)
    return explanation


def holders_of(repository: Repository, *, limit: int = MOST_HOLDERS) -> Holders:
    """Everybody with rights of their own here, people first, by name."""
    users = list(User.objects.filter(_may_be_user(repository)).order_by("username")[: limit + 1])
    robots = list(
        Robot.objects.filter(_may_be_robot(repository))
        .select_related("namespace")
        .order_by("namespace__name", "short_name")[: limit + 1]
    )
    accounts: list[Account] = [*users, *robots]
    return Holders(_explained(accounts[:limit], repository), has_more=len(accounts) > limit)


def administering_teams(repository: Repository) -> QuerySet[Team]:
    return Team.objects.filter(
        organization__namespace=repository.namespace_id, role=TeamRole.ADMIN
    ).order_by("name")


def _may_be_user(repository: Repository) -> Q:
    condition = Q(pk__in=_grants(repository).values("user"))
    condition |= Q(pk__in=_memberships(repository).values("user"))
    condition |= Q(namespace=repository.namespace_id)
    if settings.BERTH.FEATURE_SUPERUSERS_FULL_ACCESS:
        condition |= Q(is_superuser=True)
    return condition


def _may_be_robot(repository: Repository) -> Q:
    condition = Q(pk__in=_grants(repository).values("robot"))
    return condition | Q(pk__in=_memberships(repository).values("robot"))


def _explained(accounts: Sequence[Account], repository: Repository) -> list[Explanation]:
    """For any number of accounts, in the same few queries."""
    reasons: Mapping[Key, list[Reason]] = defaultdict(list)
    for account in accounts:
        reasons[_key(account)] += _by_itself(account, repository)
    theirs = Q(user__in=_ids(accounts, User)) | Q(robot__in=_ids(accounts, Robot))
    for grant in _grants(repository).filter(theirs):
        reasons[_holder(grant)].append(Reason(Source.GRANT, OF_ROLE[grant.role], role=grant.role))
    of_teams = dict(
        _grants(repository).exclude(team=None).values_list("team_id", "role").order_by("pk")
    )
    for member in _memberships(repository).filter(theirs).select_related("team"):
        reasons[_holder(member)] += _by_team(member.team, of_teams, repository)
    everybody = [Reason(Source.PUBLIC, READ)] if repository.is_public else []
    return [Explanation(account, [*reasons[_key(account)], *everybody]) for account in accounts]


def _by_itself(account: Account, repository: Repository) -> list[Reason]:
    if not isinstance(account, User):
        return []
    reasons = []
    if account.is_superuser and settings.BERTH.FEATURE_SUPERUSERS_FULL_ACCESS:
        reasons.append(Reason(Source.SUPERUSER, ALL_ACTIONS))
    if account.namespace_id == repository.namespace_id:
        reasons.append(Reason(Source.OWNER, ALL_ACTIONS))
    return reasons


def _by_team(team: Team, granted: Mapping[int, str], repository: Repository) -> list[Reason]:
    reasons = []
    if team.role == TeamRole.ADMIN and team.organization_id == _organization_id(repository):
        reasons.append(Reason(Source.TEAM_ADMIN, ALL_ACTIONS, team=team.name))
    if role := granted.get(team.pk):
        reasons.append(Reason(Source.TEAM_GRANT, OF_ROLE[role], team=team.name, role=role))
    return reasons


def _organization_id(repository: Repository) -> int | None:
    organization = getattr(repository.namespace, "organization", None)
    return organization.pk if organization else None


def _grants(repository: Repository) -> QuerySet[RepositoryGrant]:
    return RepositoryGrant.objects.filter(repository=repository.pk)


def _memberships(repository: Repository) -> QuerySet[TeamMember]:
    """Of every team that has rights here."""
    granted = _grants(repository).exclude(team=None).values("team")
    teams = Q(team__in=granted) | Q(team__in=administering_teams(repository).order_by())
    return TeamMember.objects.filter(teams).order_by("team__name", "pk")


def _ids(accounts: Iterable[Account], model: type[Account]) -> list[int]:
    return [account.pk for account in accounts if isinstance(account, model)]


def _key(account: Account) -> Key:
    return type(account), account.pk


def _holder(row: Any) -> Key:
    return (User, row.user_id) if row.user_id else (Robot, row.robot_id)

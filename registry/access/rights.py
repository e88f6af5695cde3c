"""Who may do what in which repository. Every door asks here; the answer is no by default."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.credentials.principals import Principal, PrincipalKind
from accounts.organizations.models import Team
from accounts.statements import Prepared
from accounts.users.models import Namespace
from registry.access.scopes import ALL_ACTIONS, Action
from registry.repositories.models import (
    Repository,
    RepositoryGrant,
    RepositoryQuerySet,
    administered_namespaces,
)
from registry.repositories.paths import split_path

NOTHING: frozenset[Action] = frozenset()
READ: frozenset[Action] = frozenset({"pull"})
WRITE: frozenset[Action] = frozenset({"pull", "push", "delete"})
_CHANGES: frozenset[Action] = frozenset({"push", "delete"})  # of what a repository holds

OF_ROLE: Mapping[str, frozenset[Action]] = {"read": READ, "write": WRITE, "admin": ALL_ACTIONS}
_CEILING: Mapping[str, frozenset[Action]] = {"none": NOTHING, **OF_ROLE}


def rights_in(
    *, principal: Principal, path: str, repository: Repository | None
) -> frozenset[Action]:
    """What the principal may do in a repository now; in one that does not exist, once it does.

    Args:
        path: the whole name.
        repository: its row, ``None`` when there is none.
    """
    rights = rights_held(principal=principal, path=path, repository=repository)
    return rights_left(rights, repository)


def rights_left(rights: frozenset[Action], repository: Repository | None) -> frozenset[Action]:
    """What of somebody's rights the state of the repository leaves."""
    return rights - _CHANGES if repository is not None and repository.is_read_only else rights


def rights_held(
    *, principal: Principal, path: str, repository: Repository | None
) -> frozenset[Action]:
    """The same as ``rights_in``, whatever the state of the repository: what somebody was given."""
    if repository is None:
        rights = _rights_to_create(principal, path)
    elif sees_everything(principal):
        rights = ALL_ACTIONS
    else:
        rights = _rights_given(principal, repository) | _rights_of_anyone(principal, repository)
    return rights & _CEILING[principal.scope]


def readable_repositories(principal: Principal) -> RepositoryQuerySet:
    """Every repository the principal may pull from."""
    if sees_everything(principal):
        return Repository.objects.all()
    return Repository.objects.visible_to(principal, public=_sees_public(principal))


def catalog_of(principal: Principal) -> RepositoryQuerySet:
    """What the catalog lists: others' public repositories only where the setting says so."""
    if sees_everything(principal):
        return Repository.objects.all()
    public = settings.BERTH.FEATURE_PUBLIC_CATALOG and _sees_public(principal)
    return Repository.objects.visible_to(principal, public=public)


def sees_everything(principal: Principal) -> bool:
    return principal.is_superuser and settings.BERTH.FEATURE_SUPERUSERS_FULL_ACCESS


def _sees_public(principal: Principal) -> bool:
    return principal.kind != "anonymous" or settings.BERTH.FEATURE_ANONYMOUS_ACCESS


def _rights_of_anyone(principal: Principal, repository: Repository) -> frozenset[Action]:
    return READ if repository.is_public and _sees_public(principal) else NOTHING


def _rights_given(principal: Principal, repository: Repository) -> frozenset[Action]:
    if principal.kind == "anonymous":
        return NOTHING
    kind = principal.kind
    if _ADMINISTERED[kind].rows(principal.id, repository.namespace_id):
        return ALL_ACTIONS
    roles = _ROLES[kind].rows(principal.id, repository.id)
    return NOTHING.union(*(OF_ROLE[role] for (role,) in roles))


def _rights_to_create(principal: Principal, path: str) -> frozenset[Action]:
    namespace, _ = split_path(path)
    if principal.kind == "anonymous":
        return NOTHING
    if _CREATING[principal.kind].rows(principal.id, namespace):
        return ALL_ACTIONS
    if sees_everything(principal) and _HELD.rows(namespace):
        return ALL_ACTIONS
    return NOTHING


Asking = Mapping[PrincipalKind, Prepared]


def _asking(build: Callable[[Principal, Any], QuerySet[Any, Any]]) -> Asking:
    """What ``build`` asks about a principal and one thing, for each kind that may hold rights."""

    def of_kind(kind: PrincipalKind) -> Prepared:
        return Prepared(lambda id, thing: build(Principal(kind, id=id), thing))

    return {"user": of_kind("user"), "robot": of_kind("robot")}


def _namespaces_to_create_in(principal: Principal) -> QuerySet[Namespace]:
    member = {f"members__{principal.kind}": principal.id}
    creators = Team.objects.filter(role__in=("admin", "creator"), **member)
    mine = Q(organization__teams__in=creators)
    if principal.kind == "user":
        mine |= Q(user=principal.id)
    return Namespace.objects.held().filter(mine)


_ADMINISTERED = _asking(
    lambda who, pk: administered_namespaces(who).filter(pk=pk).values_list("pk")
)
_ROLES = _asking(
    lambda who, pk: RepositoryGrant.objects.filter(repository=pk).held_by(who).values_list("role")
)
_CREATING = _asking(
    lambda who, name: _namespaces_to_create_in(who).filter(name=name).values_list("pk")
)
_HELD = Prepared(lambda name: Namespace.objects.held().filter(name=name).values_list("pk"))

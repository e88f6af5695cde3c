"""Who may do what in which repository. Every door asks here; the answer is no by default."""

from collections.abc import Mapping

from django.conf import settings

from accounts.credentials.principals import Principal, Scope
from accounts.organizations.models import Team
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

OF_ROLE: Mapping[str, frozenset[Action]] = {"read": READ, "write": WRITE, "admin": ALL_ACTIONS}
_CEILING: Mapping[Scope, frozenset[Action]] = {"read": READ, "write": WRITE, "admin": ALL_ACTIONS}


def rights_in(
    *, principal: Principal, path: str, repository: Repository | None
) -> frozenset[Action]:
    """What the principal may do in a repository; in one that does not exist, once it does.

    Args:
        path: the whole name.
        repository: its row, ``None`` when there is none.
    """
    if repository is None:
        held = _rights_to_create(principal, path)
    elif sees_everything(principal):
        held = ALL_ACTIONS
    else:
        held = _rights_held(principal, repository) | _rights_of_anyone(principal, repository)
    return held & _CEILING[principal.scope]


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


def _rights_held(principal: Principal, repository: Repository) -> frozenset[Action]:
    if principal.kind == "anonymous":
        return NOTHING
    if administered_namespaces(principal).filter(pk=repository.namespace_id).exists():
        return ALL_ACTIONS
    grants = RepositoryGrant.objects.filter(repository=repository.id).held_by(principal)
    return NOTHING.union(*(OF_ROLE[role] for role in grants.values_list("role", flat=True)))


def _rights_to_create(principal: Principal, path: str) -> frozenset[Action]:
    namespace, _ = split_path(path)
    if principal.kind == "anonymous":
        return NOTHING
    creators = Team.objects.filter(role__in=("admin", "creator"), **_member(principal))
    own = Namespace.objects.held().filter(name=namespace)
    if own.filter(organization__teams__in=creators).exists():
        return ALL_ACTIONS
    if principal.kind == "user" and own.filter(user=principal.id).exists():
        return ALL_ACTIONS
    if sees_everything(principal) and own.exists():
        return ALL_ACTIONS
    return NOTHING


def _member(principal: Principal) -> dict[str, int]:
    return {f"members__{principal.kind}": principal.id}

"""Answer a request for a token: what was asked for, as far as the principal has it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts.credentials.principals import Principal
from accounts.users.services import access_epoch
from artifacts.oci.errors import Denied, NameInvalid
from artifacts.oci.names import is_name
from registry.access.refusals import note_refusal
from registry.access.rights import rights_held, rights_in
from registry.access.scopes import CATALOG, Scope
from registry.access.tokens import Grant, issue_token
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """``grants`` is what it says; ``left_out``, how many more it had no room for."""

    text: str
    grants: Sequence[Grant]
    left_out: int


def grant_token(
    *,
    principal: Principal,
    scopes: Iterable[Scope],
    address: str = "",
    now: datetime,
) -> IssuedToken:
    """A bearer token with the part of ``scopes`` that ``principal`` has rights to.

    Never an error for what is not allowed or does not exist: the token then says nothing of it.
    One exception: a push by a bare name. Most clients begin it with HEAD, whose refusal has no
    body, so only here can they be told that the name means the library.
    """
    # Read before the rights: a change in between makes the token's word be checked again.
    epoch = access_epoch()
    granted = []
    for scope in scopes:
        if grant := _grant(principal, scope):
            granted.append(grant)
        elif _pushes_to_library(principal, scope):
            note_refusal(
                principal=principal,
                action="push",
                path=f"{settings.BERTH.LIBRARY_NAMESPACE}/{scope.name}",
                repository=None,
                address=address,
                now=now,
            )
            raise Denied(
                f"{scope.name} means {settings.BERTH.LIBRARY_NAMESPACE}/{scope.name}, and"
                f" {principal.name} may not push there. Name an organization too:"
                f" ORGANIZATION/{scope.name}"
            )
    text, grants = issue_token(
        principal=principal,
        grants=granted,
        epoch=epoch,
        now=now,
    )
    return IssuedToken(text, grants, left_out=len(granted) - len(grants))


def _grant(principal: Principal, scope: Scope) -> Grant | None:
    if scope.kind == "registry":
        return _registry_grant(principal, scope)
    if scope.kind != "repository":
        return None
    try:
        path = repository_path(scope.name)
    except NameInvalid:
        return None
    repository = Repository.objects.at_path(path)
    actions = scope.actions & rights_in(principal=principal, path=path, repository=repository)
    if not actions:
        return None
    granted = Scope(scope.kind, scope.name, actions)
    return Grant(granted, repository.id if repository else None)


def _registry_grant(principal: Principal, scope: Scope) -> Grant | None:
    if scope.name != CATALOG or "*" not in scope.actions:
        return None
    if principal.kind == "anonymous" and not settings.BERTH.FEATURE_PUBLIC_CATALOG:
        return None
    return Grant(Scope(scope.kind, scope.name, frozenset({"*"})))


def _pushes_to_library(principal: Principal, scope: Scope) -> bool:
    is_bare = scope.kind == "repository" and "/" not in scope.name and is_name(scope.name)
    is_library = is_bare and settings.BERTH.FEATURE_LIBRARY_SUPPORT
    if not is_library or "push" not in scope.actions or principal.kind == "anonymous":
        return False
    path = repository_path(scope.name)
    repository = Repository.objects.at_path(path)
    # Whoever might push there, were it not read-only, means it.
    return "push" not in rights_held(principal=principal, path=path, repository=repository)

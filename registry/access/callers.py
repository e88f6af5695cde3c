"""Who makes this request, and whether they may do what it asks."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts.audit.services import Actor
from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.credentials.services import current_principal
from artifacts.oci.errors import RepositoryReadOnly, Unauthorized
from registry.access.refusals import VERBS, note_refusal
from registry.access.rights import rights_held, rights_left
from registry.access.scopes import ALL_ACTIONS, Action
from registry.access.tokens import Claims
from registry.repositories.models import Repository
from registry.repositories.paths import split_path


class InsufficientScope(Unauthorized):
    """The caller is known, and may not do this, or asked for a token that does not say it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal, and what its bearer token limits it to; no claims for a password.

    Whoever brings no credentials at all is nobody, from no address.
    """

    principal: Principal = ANONYMOUS
    claims: Claims | None = None
    address: str = ""  # where the request comes from

    @property
    def actor(self) -> Actor:
        return Actor(self.principal.name, self.address)

    def require(
        self,
        action: Action,
        path: str,
        repository: Repository | None,
        *,
        of_content: bool = True,
        now: datetime,
    ) -> None:
        """Let the caller pass or raise.

        A token's word is taken while nobody's rights have changed since it was
        issued, and it was issued for this very repository. Otherwise the database
        is asked what is true now, so that a token never outlives what it stood on.

        Args:
            of_content: false for what the state of the repository has no say in.

        Raises:
            Unauthorized: the account or the token behind the bearer token is gone.
            InsufficientScope: the caller may not; the same words whether the
                repository exists or not.
            RepositoryReadOnly: the caller might, in another state of the repository.
        """
        try:
            self._require(action, path, repository, of_content=of_content, now=now)
        except InsufficientScope:
            self._note_refusal(action, path, repository, now=now)
            raise

    def has_current_grant(self, action: Action, repository: Repository) -> bool:
        """Whether the token's word is enough: no right changed, and it means this repository."""
        if self.claims is None or not self.claims.says(action, repository.path):
            return False
        return _still_true(self.claims, repository)

    def _require(
        self,
        action: Action,
        path: str,
        repository: Repository | None,
        *,
        of_content: bool,
        now: datetime,
    ) -> None:
        is_closed = of_content and action not in rights_left(ALL_ACTIONS, repository)
        if self.claims is not None:
            # No token says that one may push to what is read-only: no other one would help.
            if not self.claims.says(action, path) and not is_closed:
                raise InsufficientScope(_refusal(self.principal, action, path))
            if repository and self.has_current_grant(action, repository):
                return
        principal = self.confirmed(now=now)
        if action not in rights_held(principal=principal, path=path, repository=repository):
            raise InsufficientScope(_refusal(principal, action, path))
        if is_closed:
            raise RepositoryReadOnly(path)

    def _note_refusal(
        self, action: Action, path: str, repository: Repository | None, *, now: datetime
    ) -> None:
        if self.principal.kind == "anonymous" and self.claims is None:
            return  # not refused yet, but told where to log in
        note_refusal(
            principal=self.principal,
            action=action,
            path=path,
            repository=repository,
            address=self.address,
            now=now,
        )

    def asks_to_push(self, path: str) -> bool:
        """Whether this looks like a part of a push, which keeps blobs from collection."""
        if self.claims is None:
            return self.principal.kind != "anonymous"
        grant = self.claims.grants.get(path)
        return grant is not None and "push" in grant.scope.actions

    def confirmed(self, *, now: datetime) -> Principal:
        """The principal as the database knows it now."""
        if self.claims is None or self.principal.kind == "anonymous":
            return self.principal
        principal = current_principal(
            kind=self.principal.kind,
            id=self.principal.id,
            token_id=self.principal.token_id,
            stamp=self.principal.stamp,
            now=now,
        )
        if principal is None:
            raise Unauthorized("the account or token behind this login is no longer valid")
        return principal


def _still_true(claims: Claims, repository: Repository) -> bool:
    if claims.epoch != repository.epoch:
        return False
    repository_id = claims.grants[repository.path].repository_id
    if repository_id is None:  # it did not exist yet: the first push of this very caller made it
        return repository.created_by == claims.principal.key
    return repository_id == repository.id


def _refusal(principal: Principal, action: Action, path: str) -> str:
    if principal.kind == "anonymous":
        return f"log in to {VERBS[action]} {path}"
    namespace, name = split_path(path)
    hint = ""
    if namespace == settings.BERTH.LIBRARY_NAMESPACE:
        hint = f". Names without an organization belong to {namespace}; try ORGANIZATION/{name}"
    return (
        f"{principal.name} may not {VERBS[action]} {path}, or there is no such repository"
        f" and no right to create it{hint}"
    )

"""The base of every view under ``/v1/``: who calls, what they may, and how failures look."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.request import Request

from accounts.credentials.principals import ANONYMOUS
from artifacts.oci.errors import OCIError
from registry.access.callers import Caller, InsufficientScope
from registry.access.scopes import Action
from registry.api.docker_v1.tokens import V1Token, issue_token, read_token
from registry.api.http import views
from registry.api.http.login import address_of, external_url, identify
from registry.repositories.models import Repository

VERSION = {"X-Docker-Registry-Version": "0.6.0"}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Docker V1"'}


class V1View(views.View):
    """What all of ``/v1/`` shares. Nobody in particular is an ordinary caller here."""

    door_headers = VERSION
    token: V1Token | None = None

    def refusal(self, error: OCIError, request: Request) -> HttpResponse:
        return refusal(error, request)

    def identify(self, request: Request) -> Caller:
        """Who calls, from a password or a token, which is kept then."""
        scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() == "token":
            self.token = read_token(value, now=self.now)
            return Caller(self.token.principal, address=address_of(request))
        return identify(request, now=self.now) or Caller(ANONYMOUS)

    def require_in(
        self, caller: Caller, action: Action, path: str, repository: Repository | None
    ) -> None:
        """Let the caller pass or raise. A token opens its own repository and no other."""
        caller.require(action, path, repository, now=self.now)
        if self.token and (
            repository is None
            or repository.id != self.token.repository_id
            or action not in self.token.actions
        ):
            raise InsufficientScope(f"the token does not say that you may {action} in {path}")


class V1RepositoryView(V1View, views.RepositoryView):
    """One repository. Clients that ask for a token of the protocol get one."""

    actions: ClassVar[Mapping[str, Action]]

    def require(self, action: Action) -> None:
        self.require_in(self.caller, action, self.path, self._repository)

    def granted(self, *actions: Action) -> Mapping[str, str]:
        """Headers with a token for this repository, for clients that ask for one."""
        if self.request.headers.get("X-Docker-Token", "").lower() != "true":
            return {}
        token = issue_token(
            principal=self.caller.principal,
            repository=self.repository,
            actions=frozenset(actions),
            now=self.now,
        )
        return {
            "X-Docker-Token": token,
            "WWW-Authenticate": token,
            "X-Docker-Endpoints": external_url(self.request).partition("//")[2],
        }


def refusal(error: OCIError, request: HttpRequest | Request) -> HttpResponse:
    """A failure in the form of its day.

    Who is known and may not is told 403, since these clients do not ask for other tokens.
    """
    status = error.status
    if isinstance(error, InsufficientScope) and request.headers.get("Authorization"):
        status = HTTPStatus.FORBIDDEN
    headers = {**VERSION, **error.headers()}
    if status == HTTPStatus.UNAUTHORIZED:
        headers |= _CHALLENGE
    return JsonResponse({"error": error.reason}, status=status, headers=headers)

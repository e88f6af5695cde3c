"""The base of every view under ``/v1/``: who calls, what they may, and how failures look."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials.principals import ANONYMOUS
from artifacts.oci.errors import NameUnknown
from registry.access.callers import Caller, InsufficientScope
from registry.access.scopes import Action
from registry.api.distribution.base import DistributionView
from registry.api.distribution.challenges import address_of, external_url, identify
from registry.api.distribution.errors import API_VERSION
from registry.api.docker_v1.grants import Grant, issue_grant, read_grant
from registry.api.failures import failure_of
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path
from registry.repositories.services import find_or_create_repository

VERSION = {"X-Docker-Registry-Version": "0.6.0"}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Docker V1"'}


class V1View(DistributionView):
    """What all of ``/v1/`` shares. Nobody in particular is an ordinary caller here."""

    grant: Grant | None = None

    def get_exception_handler(self) -> Any:
        return _exception_handler

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        finalized = super().finalize_response(request, response, *args, **kwargs)
        for name in API_VERSION:  # of the other protocol
            del finalized.headers[name]
        for name, value in VERSION.items():
            finalized.headers.setdefault(name, value)
        return finalized

    def identify(self, request: Request) -> Caller:
        """Who calls, from a password or a grant, which is kept then."""
        scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() == "token":
            self.grant = read_grant(value, now=self.now)
            return Caller(self.grant.principal, None, address_of(request))
        return identify(request, now=self.now) or Caller(ANONYMOUS)

    def require(self, caller: Caller, action: Action, path: str, found: Repository | None) -> None:
        """Let the caller pass or raise. A grant opens its own repository and no other."""
        caller.require(action, path, found, now=self.now)
        if self.grant and (
            found is None
            or found.id != self.grant.repository_id
            or action not in self.grant.actions
        ):
            raise InsufficientScope(f"the token does not say that you may {action} in {path}")


class V1RepositoryView(V1View):
    """Settles who calls, whether they may, and on which repository, before any handler runs."""

    actions: ClassVar[Mapping[str, Action]]  # HTTP method -> right its caller needs
    creates: ClassVar[frozenset[str]] = frozenset()  # methods that a first push begins with
    caller: Caller
    repository: Repository

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        path = repository_path(kwargs["name"])
        if (method := str(request.method)) not in self.actions:
            self.http_method_not_allowed(request)
        self.caller = self.identify(request)
        repository = Repository.objects.at_path(path)
        self.require(self.caller, self.actions[method], path, repository)
        if repository is None:
            if method not in self.creates:
                raise NameUnknown(f"there is no repository {path}")
            repository = self._create(path)
        self.repository = repository

    @property
    def allowed_methods(self) -> list[str]:
        return list(self.actions)

    def _create(self, path: str) -> Repository:
        return find_or_create_repository(
            path=path,
            creator=self.caller.principal,
            is_public=not settings.CREATE_PRIVATE_REPO_ON_PUSH,
            now=self.now,
            address=address_of(self.request),
        )

    def granted(self, *actions: Action) -> Mapping[str, str]:
        """Headers with a grant for this repository, for clients that ask for one."""
        if self.request.headers.get("X-Docker-Token", "").lower() != "true":
            return {}
        token = issue_grant(
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


def _exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any failure under ``/v1/`` in the form of its day.

    Who is known and may not is told 403, since these clients do not ask for other tokens.
    """
    error = failure_of(exc, context["request"])
    status = error.status
    if isinstance(error, InsufficientScope) and context["request"].headers.get("Authorization"):
        status = HTTPStatus.FORBIDDEN
    headers = {**error.headers(), **(_CHALLENGE if status == HTTPStatus.UNAUTHORIZED else {})}
    return Response({"error": error.reason}, status=status, headers=headers)

"""Bases of the views below ``/api/v1/``: who calls, whether they may, Quay's error documents."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.request import Request

from accounts.credentials.principals import Principal
from accounts.credentials.services import APPLICATION
from accounts.names import is_name
from accounts.organizations.models import Organization
from accounts.users.models import Namespace, User
from artifacts.oci.errors import ManifestInvalid, NameUnknown, OCIError, Unauthorized
from artifacts.oci.names import is_name as is_repository_name
from artifacts.oci.strict_json import parse_json, parse_object
from registry.access.callers import Caller, InsufficientScope
from registry.access.rights import rights_in
from registry.access.scopes import Action
from registry.access.standings import Standing, standings
from registry.api.http import views
from registry.api.http.failures import RequestInvalid
from registry.api.http.login import address_of, external_url, identify, log_in
from registry.api.management.bodies import Body, read
from registry.api.management.operations import Operation, Operations
from registry.api.management.sessions import principal_of_session
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path
from registry.tags.services import TagImmutable

_DOTS_OF_A_JWT = 2
_MAX_BODY_BYTES = 128 * 1024
_MOST_DOCUMENTS = 100  # of a list; one more is read, for whoever says what is too many
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Berth", charset="UTF-8"'}
_REPOSITORIES = "/api/v1/repository/"
_KINDS = {
    HTTPStatus.UNAUTHORIZED: "invalid_token",
    HTTPStatus.FORBIDDEN: "insufficient_scope",
    HTTPStatus.NOT_FOUND: "not_found",
}


class NotFound(NameUnknown):
    """There is no such thing, or the caller may not know of it."""

    message = "not found"


class ManagementView(views.View):
    """What all of ``/api/`` shares. ``operations`` come from the table of the routes; a method
    without one is not there."""

    operations: ClassVar[Operations] = {}
    bodies: ClassVar[Mapping[str, type[Body]]] = {}  # by method: what is taken
    takes_lists: ClassVar[bool] = False  # of it
    caller = Caller()

    def refusal(self, error: OCIError, request: Request) -> HttpResponse:
        return refusal(error, request, caller=self.caller)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        operation = self.operations.get(_method_of(request))
        if operation is None:
            self.refuse_method(request, **kwargs)
            return
        self.operation: Operation = operation
        if operation.right != "anybody":
            self.caller = self.identify(request)
            self._check_token()
        self.settle(**kwargs)

    def refuse_method(self, request: Request, **kwargs: Any) -> None:
        self.http_method_not_allowed(request)

    @property
    def allowed_methods(self) -> list[str]:
        methods = list(self.operations)
        return [*methods, "HEAD"] if "GET" in methods else methods

    def identify(self, request: Request) -> Caller:
        """Basic logins, tokens from ``/v2/auth``, application tokens alone, as Quay's clients send
        them (``Authorization: Bearer <token>``), and the session of a cookie."""
        scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() == "bearer" and value.count(".") != _DOTS_OF_A_JWT:
            principal = log_in(request, APPLICATION, value.strip(), now=self.now)
            return Caller(principal, None, address_of(request))
        if caller := identify(request, now=self.now):
            return caller
        principal = principal_of_session(request, now=self.now)
        return Caller(principal, None, address_of(request))

    def settle(self, **kwargs: Any) -> None:
        """Find what the route is about, and let the caller pass or raise."""
        match self.operation.right:
            case "person":
                self.require_person()
            case "superuser":
                self.require_superuser()
            case "visitor":
                self.refuse_registry_token()

    def require_person(self) -> User:
        """Who calls. Raises ``Unauthorized``, and ``InsufficientScope`` for robots and tokens of
        ``/v2/auth``."""
        if self.principal.kind == "anonymous":
            raise Unauthorized("log in, or send an application token")
        if self.principal.kind != "user" or self.caller.claims is not None:
            raise InsufficientScope("only people may do this, with a login or application token")
        user = User.objects.select_related("namespace").filter(pk=self.principal.id).first()
        if user is None:
            raise Unauthorized("the account behind this login is gone")
        self.user = user
        return user

    def require_superuser(self) -> None:
        self.require_person()
        if not self.principal.is_superuser:
            raise InsufficientScope("only superusers may do this")

    def refuse_registry_token(self) -> None:
        """Raises ``InsufficientScope`` for tokens of ``/v2/auth``, which name what they are for."""
        if self.caller.claims is not None:
            raise InsufficientScope("a token of /v2/auth is for repositories alone")

    @property
    def principal(self) -> Principal:
        return self.caller.principal

    @property
    def change(self) -> dict[str, Any]:
        """What every service that changes something wants to know."""
        return {"now": self.now, "by": self.caller.actor}

    def has_scope(self, scope: str) -> bool:
        """Whether the token that the caller came with, if any, may be used for ``scope``."""
        scopes = self.principal.scopes
        return scopes is None or self.caller.claims is not None or scope in scopes

    def read_list(self) -> list[dict[str, Any]]:
        """As ``read``, where the body is a list of such."""
        content = self.body.read_small(_MAX_BODY_BYTES)
        try:
            documents = parse_json(content)
        except ManifestInvalid as error:
            raise RequestInvalid(f"send a JSON list: {error.reason}") from error
        if not isinstance(documents, list) or not all(isinstance(one, dict) for one in documents):
            raise RequestInvalid("send a JSON list of objects")
        body = self.bodies[str(self.request.method)]
        return [read(body, one) for one in documents[: _MOST_DOCUMENTS + 1]]

    def document(self) -> Mapping[str, Any]:
        """What the body says; nothing when there is none. JSON, whatever the header says:
        ``curl -d`` says it is a form.

        REST framework's parsers are not asked: they take a chunked body for none, and JSON of two
        meanings for one of them.
        """
        content = self.body.read_small(_MAX_BODY_BYTES)
        if self.body.length is not None and len(content) != self.body.length:
            raise RequestInvalid("the body was cut short")
        try:
            return parse_object(content) if content.strip() else {}
        except ManifestInvalid as error:
            reason = error.reason.removeprefix("a manifest must be a JSON object")
            raise RequestInvalid(f"send a JSON object{reason and ': '}{reason}") from error

    def read(self) -> dict[str, Any]:
        """What the body says, as ``bodies`` has it for the method."""
        return read(self.bodies[str(self.request.method)], self.document())

    def _check_token(self) -> None:
        scope = self.operation.scope
        if not scope or self.has_scope(scope):
            return
        if scope == "user:read":  # Quay's clients learn so that a token is not for people
            raise Unauthorized(f"the token does not have the scope {scope}")
        raise InsufficientScope(f"the token does not have the scope {scope}")


class PlacedView(ManagementView):
    """What is the same for a namespace and a repository. Stands behind the base that knows."""

    @property
    def place(self) -> Namespace | Repository:
        raise NotImplementedError


class NamespaceView(ManagementView):
    """An organization, which ``organization`` in the route names, or who calls."""

    namespace: Namespace
    standings: frozenset[Standing]

    @property
    def place(self) -> Namespace | Repository:
        return self.namespace

    def settle(self, *, organization: str = "", **kwargs: Any) -> None:
        if not organization:
            self.namespace = self.require_person().namespace
            self.standings = standings(self.principal, self.namespace)
            return
        if self.principal.kind == "anonymous":
            raise Unauthorized(f"log in to see the organization {organization[:255]}")
        self.refuse_registry_token()
        self.organization = _organization(organization)
        self.namespace = self.organization.namespace
        self.standings = standings(self.principal, self.namespace)
        if "member" not in self.standings:
            raise _no_organization(organization)
        if self.operation.right not in self.standings:
            raise InsufficientScope(f"{self.principal.name} may not do this in {organization}")


class OrganizationView(NamespaceView):
    organization: Organization


class RepositoryView(ManagementView):
    """One repository, which ``name`` in the route names. ``itself`` is the view of the route that
    ends with the name."""

    itself: ClassVar[Callable[..., HttpResponse] | None] = None
    of_content: ClassVar[bool] = True  # and so nothing that can be changed while that is read-only
    path: str
    _repository: Repository | None

    def settle(self, *, name: str = "", **kwargs: Any) -> None:
        self._find(name, is_list=not kwargs)
        self.require(cast("Action", self.operation.right))
        if self._repository is None:
            raise _no_repository(self.path)

    def refuse_method(self, request: Request, *, name: str = "", **kwargs: Any) -> None:
        """Perhaps the path is the name of a repository, whose route has the method."""
        if self._whole_name != name:
            self.caller = self.identify(request)
            self._find(name, is_list=not kwargs)
        super().refuse_method(request)

    @property
    def place(self) -> Namespace | Repository:
        return self.repository

    @property
    def repository(self) -> Repository:
        if self._repository is None:
            raise _no_repository(self.path)
        return self._repository

    def require(self, action: Action) -> None:
        """Let the caller pass or raise. Who may not even read is told what nobody there is told."""
        try:
            self.caller.require(
                action, self.path, self._repository, of_content=self.of_content, now=self.now
            )
        except InsufficientScope:
            if self.principal.kind == "anonymous" or self._may_know():
                raise
            raise _no_repository(self.path) from None

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, _NamesRepository) and self.itself is not None:
            return self.itself(self.request._request, name=self._whole_name)
        return super().handle_exception(exc)

    def _find(self, name: str, *, is_list: bool) -> None:
        """What ``NAME/tag`` says is a repository of that very name before it is the list of tags;
        what ``NAME/tag/v1`` says is one only where there is no ``NAME``."""
        if is_list and self._is_a_name_itself(name):
            raise _NamesRepository
        self.path = repository_path(name)
        self._repository = Repository.objects.at_path(self.path)
        if self._repository is None and self._is_a_name_itself(name):
            raise _NamesRepository

    def _may_know(self) -> bool:
        if self.caller.claims is not None:
            return self.caller.claims.says("pull", self.path)
        return "pull" in rights_in(
            principal=self.principal, path=self.path, repository=self._repository
        )

    @property
    def _whole_name(self) -> str:
        return str(self.request.path_info).removeprefix(_REPOSITORIES)

    def _is_a_name_itself(self, name: str) -> bool:
        """Whether what looks like ``NAME/tag`` is the name of a repository that who calls sees.

        With a slash at its end it never is.
        """
        whole = self._whole_name
        if whole == name or not is_repository_name(whole):
            return False
        repository = Repository.objects.at_path(whole)
        if repository is None:
            return False
        return "pull" in rights_in(principal=self.principal, path=whole, repository=repository)


class _NamesRepository(Exception):
    """The path of the request ends with the name of a repository, and with nothing else."""


def account_named(name: str) -> Namespace | None:
    """The namespace that a user or an organization holds."""
    if not is_name(name):
        return None
    namespaces = Namespace.objects.held().select_related("organization", "user")
    return namespaces.filter(name=name).first()


def refusal(
    error: OCIError, request: HttpRequest | Request, *, caller: Caller | None = None
) -> HttpResponse:
    """A failure as Quay tells it: RFC 7807, with its own fields beside, and with ``message``, which
    other clients read.

    Who is known and may not is told 403; a login may help everybody else.
    """
    is_known = caller is not None and caller.principal.kind != "anonymous"
    is_forbidden = isinstance(error, InsufficientScope) and is_known
    status = HTTPStatus.FORBIDDEN if is_forbidden else error.status
    kind = _kind(error, status)
    document = {
        "detail": error.reason,
        "error_message": error.reason,
        "message": error.reason,
        "error_type": kind,
        "title": kind,
        "type": f"{external_url(request)}/api/v1/error/{kind}",
        "status": int(status),
        **getattr(error, "facts", {}),
    }
    is_login = status == HTTPStatus.UNAUTHORIZED
    if is_login:
        document["session_required"] = False
    challenge = _CHALLENGE if is_login else {}
    return JsonResponse(document, status=status, headers={**error.headers(), **challenge})


def _kind(error: OCIError, status: HTTPStatus) -> str:
    if isinstance(error, TagImmutable):
        return "tag_immutable"
    return _KINDS.get(status, "invalid_request")


def _method_of(request: Request) -> str:
    return "GET" if request.method == "HEAD" else str(request.method)


def _organization(name: str) -> Organization:
    namespace = account_named(name)
    organization: Organization | None = getattr(namespace, "organization", None)
    if organization is None:
        raise _no_organization(name)
    return organization


def _no_organization(name: str) -> NotFound:
    return NotFound(f"there is no organization {name[:255]}")


def _no_repository(path: str) -> NotFound:
    return NotFound(f"there is no repository {path}", name=path)

"""The base of the views below ``/api/v1/``: who calls, what they may, Quay's error documents."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit.services import Actor
from accounts.credentials.principals import ANONYMOUS
from accounts.credentials.services import APPLICATION
from accounts.errors import AccountError
from artifacts.oci.errors import ManifestInvalid, NameUnknown, OCIError, Unauthorized
from artifacts.oci.strict_json import parse_object
from registry.access.callers import Caller, InsufficientScope
from registry.access.scopes import Action
from registry.api.distribution.base import IgnoreAccept, MethodNotAllowed
from registry.api.distribution.bodies import RequestBody
from registry.api.distribution.challenges import address_of, external_url, identify, log_in
from registry.api.failures import failure_of
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path
from registry.tags.services import TagImmutable

_DOTS_OF_A_JWT = 2
_MAX_BODY_BYTES = 64 * 1024


class RequestInvalid(ManifestInvalid):
    """The document or the parameters of a request are not what this route takes."""


class ManagementView(APIView):
    """Settles who calls and on which repository. The right is part of the ``actions`` table.

    Bodies and answers are JSON, whatever the headers say: ``curl -d`` says it is a form.
    """

    renderer_classes = [JSONRenderer]
    content_negotiation_class = IgnoreAccept
    http_method_names = ["get", "head", "post", "put", "delete", "options"]
    actions: ClassVar[Mapping[str, Action]]  # HTTP method -> right its caller needs
    now: datetime
    repository: Repository
    by: Actor

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        drf_request: Request = super().initialize_request(request, *args, **kwargs)
        self.body = RequestBody(drf_request)
        return drf_request

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.now = timezone.now()
        if (method := str(request.method)) not in self.allowed_methods:
            self.http_method_not_allowed(request)
        path = repository_path(kwargs["name"])
        self.caller = _identify(request, self.now)
        self._path, self._found = path, Repository.objects.at_path(path)
        self.require(self.actions["GET" if method == "HEAD" else method])
        if self._found is None:
            raise NameUnknown(f"there is no repository {path}", name=path)
        self.repository = self._found
        self.by = Actor(self.caller.principal.name, address_of(request))

    @property
    def allowed_methods(self) -> list[str]:
        return [*self.actions, *(["HEAD"] if "GET" in self.actions else [])]

    def document(self) -> Mapping[str, Any]:
        """What the body says; nothing when there is none. Chunked bodies count too."""
        content = self.body.read_small(_MAX_BODY_BYTES)
        if self.body.length is not None and len(content) != self.body.length:
            raise RequestInvalid("the body was cut short")
        try:
            return parse_object(content) if content else {}
        except ManifestInvalid as error:
            reason = error.reason.removeprefix("a manifest must be a JSON object")
            raise RequestInvalid(f"send a JSON object{reason and ': '}{reason}") from error

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        self.body.end()
        finalized: Response = super().finalize_response(request, response, *args, **kwargs)
        return finalized

    def require(self, action: Action) -> None:
        self.caller.require(action, self._path, self._found, now=self.now)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise MethodNotAllowed(self.allowed_methods, str(request.method))

    options = http_method_not_allowed

    def get_exception_handler(self) -> Any:
        return exception_handler


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any failure as Quay does: RFC 7807, with its own fields beside."""
    request = context["request"]
    refusal = RequestInvalid(str(exc)) if isinstance(exc, AccountError) else None
    error = refusal or failure_of(exc, request)
    status = HTTPStatus.FORBIDDEN if _is_forbidden(error, context) else error.status
    headers = error.headers()
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="Berth", charset="UTF-8"'
    return Response(failure_document(error, status, request), status=status, headers=headers)


def failure_document(
    error: OCIError, status: HTTPStatus, request: HttpRequest | Request
) -> dict[str, Any]:
    kind = _kind(error, status)
    return {
        "detail": error.reason,
        "error_message": error.reason,
        "error_type": kind,
        "title": kind,
        "type": f"{external_url(request)}/api/v1/error/{kind}",
        "status": int(status),
    }


def _identify(request: Request, now: datetime) -> Caller:
    """Basic logins, tokens from ``/v2/auth``, and application tokens alone, as Quay's clients
    send them: ``Authorization: Bearer <token>``."""
    scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if scheme.lower() == "bearer" and value.count(".") != _DOTS_OF_A_JWT:
        principal = log_in(request, APPLICATION, value.strip(), now=now)
        return Caller(principal, None, address_of(request))
    return identify(request, now=now) or Caller(ANONYMOUS)


def _is_forbidden(error: OCIError, context: Mapping[str, Any]) -> bool:
    """Who is known and may not is told 403 here; a login may help everybody else."""
    caller: Caller = getattr(context["view"], "caller", Caller())
    return isinstance(error, InsufficientScope) and caller.principal.kind != "anonymous"


def _kind(error: OCIError, status: HTTPStatus) -> str:
    match error:
        case TagImmutable():
            return "tag_immutable"
        case Unauthorized():
            return "insufficient_scope" if status == HTTPStatus.FORBIDDEN else "invalid_token"
    return "not_found" if status == HTTPStatus.NOT_FOUND else "invalid_request"

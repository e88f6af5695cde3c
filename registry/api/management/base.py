"""The base of the views below ``/api/v1/``: who calls, what they may, Quay's error documents."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit.services import Actor
from accounts.credentials.principals import ANONYMOUS
from accounts.credentials.services import authenticate
from accounts.errors import AccountError
from artifacts.oci.errors import ManifestInvalid, NameUnknown, OCIError, Unauthorized
from registry.access.callers import Caller, InsufficientScope
from registry.access.scopes import Action
from registry.api.distribution.base import IgnoreAccept, MethodNotAllowed
from registry.api.distribution.challenges import address_of, external_url, identify
from registry.api.distribution.errors import as_oci_error
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path
from registry.tags.services import TagImmutable

_DOTS_OF_A_JWT = 2


class RequestInvalid(ManifestInvalid):
    """The document or the parameters of a request are not what this route takes."""


class OnlyJSON(IgnoreAccept):
    """Bodies and answers are JSON, whatever the headers say: ``curl -d`` says it is a form."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))


class ManagementView(APIView):
    """Settles who calls and on which repository. The right is part of the ``actions`` table."""

    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = OnlyJSON
    http_method_names = ["get", "post", "put", "delete", "options"]
    actions: ClassVar[Mapping[str, Action]]  # HTTP method -> right its caller needs
    now: datetime
    repository: Repository
    by: Actor

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.now = timezone.now()
        if (method := str(request.method)) not in self.actions:
            self.http_method_not_allowed(request)
        path = repository_path(kwargs["name"])
        self.caller = _identify(request, self.now)
        self._path, self._found = path, Repository.objects.at_path(path)
        self.require(self.actions[method])
        if self._found is None:
            raise NameUnknown(f"there is no repository {path}", name=path)
        self.repository = self._found
        self.by = Actor(self.caller.principal.name, address_of(request))

    def require(self, action: Action) -> None:
        self.caller.require(action, self._path, self._found, now=self.now)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise MethodNotAllowed(self.actions, str(request.method))

    options = http_method_not_allowed

    def get_exception_handler(self) -> Any:
        return exception_handler


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any failure as Quay does: RFC 7807, with its own fields beside."""
    match exc:
        case AccountError():
            error: OCIError = RequestInvalid(str(exc))
        case APIException(status_code=HTTPStatus.BAD_REQUEST):
            error = RequestInvalid(str(exc.detail))
        case _:
            error = as_oci_error(exc, context)
    status = HTTPStatus.FORBIDDEN if _is_forbidden(error, context) else error.status
    kind = _kind(error, status)
    body = {
        "detail": error.reason,
        "error_message": error.reason,
        "error_type": kind,
        "title": kind,
        "type": f"{external_url(context['request'])}/api/v1/error/{kind}",
        "status": int(status),
    }
    headers = error.headers()
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="Berth", charset="UTF-8"'
    return Response(body, status=status, headers=headers)


def _identify(request: Request, now: datetime) -> Caller:
    """Basic logins, tokens from ``/v2/auth``, and application tokens alone, as Quay's clients
    send them: ``Authorization: Bearer <token>``."""
    scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if scheme.lower() == "bearer" and value.count(".") != _DOTS_OF_A_JWT:
        address = address_of(request)
        return Caller(
            authenticate(username="$app", password=value.strip(), address=address, now=now)
        )
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

"""The base of the views below ``/api/v1/``: who calls, JSON that comes, Quay's error documents."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.request import Request

from accounts.credentials.principals import ANONYMOUS
from accounts.credentials.services import APPLICATION
from artifacts.oci.errors import ManifestInvalid, OCIError, Unauthorized
from artifacts.oci.strict_json import parse_object
from registry.access.callers import Caller, InsufficientScope
from registry.api.http import views
from registry.api.http.failures import RequestInvalid
from registry.api.http.login import address_of, external_url, identify, log_in
from registry.tags.services import TagImmutable

_DOTS_OF_A_JWT = 2
_MAX_BODY_BYTES = 64 * 1024
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Berth", charset="UTF-8"'}


class ManagementView(views.View):
    """What all of ``/api/`` shares."""

    caller = Caller()

    def refusal(self, error: OCIError, request: Request) -> HttpResponse:
        return refusal(error, request, caller=self.caller)


class ManagementRepositoryView(ManagementView, views.RepositoryView):
    """One repository. Bodies are JSON, whatever the header says: ``curl -d`` says it is a form."""

    def identify(self, request: Request) -> Caller:
        """Basic logins, tokens from ``/v2/auth``, and application tokens alone, as Quay's clients
        send them: ``Authorization: Bearer <token>``."""
        scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() == "bearer" and value.count(".") != _DOTS_OF_A_JWT:
            principal = log_in(request, APPLICATION, value.strip(), now=self.now)
            return Caller(principal, None, address_of(request))
        return identify(request, now=self.now) or Caller(ANONYMOUS)

    def document(self) -> Mapping[str, Any]:
        """What the body says; nothing when there is none.

        REST framework's parsers are not asked: they take a chunked body for none, and JSON of two
        meanings for one of them.
        """
        content = self.body.read_small(_MAX_BODY_BYTES)
        if self.body.length is not None and len(content) != self.body.length:
            raise RequestInvalid("the body was cut short")
        try:
            return parse_object(content) if content else {}
        except ManifestInvalid as error:
            reason = error.reason.removeprefix("a manifest must be a JSON object")
            raise RequestInvalid(f"send a JSON object{reason and ': '}{reason}") from error


def refusal(
    error: OCIError, request: HttpRequest | Request, *, caller: Caller | None = None
) -> HttpResponse:
    """A failure as Quay tells it: RFC 7807, with its own fields beside.

    Who is known and may not is told 403; a login may help everybody else.
    """
    is_known = caller is not None and caller.principal.kind != "anonymous"
    is_forbidden = isinstance(error, InsufficientScope) and is_known
    status = HTTPStatus.FORBIDDEN if is_forbidden else error.status
    kind = _kind(error, status)
    document = {
        "detail": error.reason,
        "error_message": error.reason,
        "error_type": kind,
        "title": kind,
        "type": f"{external_url(request)}/api/v1/error/{kind}",
        "status": int(status),
    }
    challenge = _CHALLENGE if status == HTTPStatus.UNAUTHORIZED else {}
    return JsonResponse(document, status=status, headers={**error.headers(), **challenge})


def _kind(error: OCIError, status: HTTPStatus) -> str:
    match error:
        case TagImmutable():
            return "tag_immutable"
        case Unauthorized():
            return "insufficient_scope" if status == HTTPStatus.FORBIDDEN else "invalid_token"
    return "not_found" if status == HTTPStatus.NOT_FOUND else "invalid_request"

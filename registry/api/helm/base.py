"""The base of the views below ``/helm/``: Basic logins, and failures as plain text."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.credentials.principals import ANONYMOUS, Principal
from artifacts.oci.errors import NameUnknown, OCIError, Unauthorized
from registry.access.refusals import note_refusal
from registry.api.distribution.base import IgnoreAccept, MethodNotAllowed
from registry.api.distribution.challenges import address_of, identify
from registry.api.failures import failure_of
from registry.repositories.models import Repository

_CHALLENGE = 'Basic realm="Berth", charset="UTF-8"'


class HelmView(APIView):
    """Settles who calls. Helm sends name and password with its first request, or never."""

    http_method_names = ["get", "head"]
    content_negotiation_class = IgnoreAccept
    principal: Principal
    now: datetime

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.now = timezone.now()
        caller = identify(request, now=self.now)
        if caller is not None and caller.claims is not None:
            raise Unauthorized("log in with a name and a password or token (Basic)")
        self.principal = caller.principal if caller else ANONYMOUS

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise MethodNotAllowed(["GET", "HEAD"], str(request.method))

    def refuse(self, sought: str) -> OCIError:
        """What is hidden and what does not exist look alike: a login may help, or nothing does."""
        if self.principal.kind == "anonymous":
            return Unauthorized(f"log in to read {sought}")
        return NameUnknown(f"there is no {sought}, or {self.principal.name} may not read it")

    def note_refusal(self, path: str, repository: Repository | None) -> None:
        """Who has not logged in is told to, and not refused yet."""
        if self.principal.kind != "anonymous":
            note_refusal(
                principal=self.principal,
                action="pull",
                path=path,
                repository=repository,
                address=address_of(self.request),
                now=self.now,
            )

    def get_exception_handler(self) -> Any:
        return exception_handler


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer any failure with one line of text."""
    return failure_line(failure_of(exc, context["request"]))


def failure_line(error: OCIError) -> HttpResponse:
    headers = {"X-Content-Type-Options": "nosniff", **error.headers()}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _CHALLENGE
    return HttpResponse(
        f"{error.reason}\n",
        status=error.status,
        content_type="text/plain; charset=utf-8",
        headers=headers,
    )

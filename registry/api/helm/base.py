"""The base of the views below ``/helm/``: Basic logins, and failures as plain text."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from accounts.credentials.principals import ANONYMOUS, Principal
from artifacts.oci.errors import NameUnknown, OCIError, Unauthorized
from registry.access.refusals import note_refusal
from registry.api.http import views
from registry.api.http.login import address_of, identify
from registry.repositories.models import Repository

_CHALLENGE = 'Basic realm="Berth", charset="UTF-8"'


class HelmView(views.View):
    """Settles who calls. Helm sends name and password with its first request, or never."""

    principal: Principal

    def refusal(self, error: OCIError, request: Request) -> HttpResponse:
        return refusal(error, request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        caller = identify(request, now=self.now)
        if caller is not None and caller.claims is not None:
            raise Unauthorized("log in with a name and a password or token (Basic)")
        self.principal = caller.principal if caller else ANONYMOUS

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

    def hidden(self, sought: str) -> OCIError:
        """What is hidden and what does not exist look alike: a login may help, or nothing does."""
        if self.principal.kind == "anonymous":
            return Unauthorized(f"log in to read {sought}")
        return NameUnknown(f"there is no {sought}, or {self.principal.name} may not read it")


def refusal(error: OCIError, request: HttpRequest | Request) -> HttpResponse:
    """A failure as one line of text."""
    headers = {"X-Content-Type-Options": "nosniff", **error.headers()}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _CHALLENGE
    return HttpResponse(
        f"{error.reason}\n".encode(errors="replace"),  # it may quote what is no text
        status=error.status,
        content_type="text/plain; charset=utf-8",
        headers=headers,
    )

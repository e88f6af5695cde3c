"""The base of every view under ``/v2/``: bearer tokens, and the spec's error documents."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from rest_framework.request import Request

from artifacts.oci.errors import OCIError, Unauthorized
from registry.access.callers import Caller
from registry.api.distribution.reads import API_VERSION, Answer, Read
from registry.api.http import views
from registry.api.http.login import challenge, identify


class DistributionView(views.View):
    """What all of ``/v2/`` shares."""

    door_headers = API_VERSION
    challenge_scope = ""

    def refusal(self, error: OCIError, request: Request) -> HttpResponse:
        return refusal(error, request, scope=self.challenge_scope)

    def identify(self, request: Request) -> Caller:
        caller = identify(request, now=self.now)
        if caller is None:
            raise Unauthorized
        return caller

    def answered(self, answer: Answer) -> HttpResponseBase:
        if not isinstance(answer.body, bytes):
            return FileResponse(answer.body, status=answer.status, headers=answer.headers)
        response = HttpResponse(answer.body, status=answer.status, headers=answer.headers)
        if "Content-Type" not in answer.headers:
            del response.headers["Content-Type"]  # Django's own, where there is nothing to type
        return response


class RepositoryView(DistributionView, views.RepositoryView):
    """Tells who may not yet which token opens the repository."""

    asks_for: ClassVar[Mapping[str, str]] = {}  # HTTP method -> scope of its challenge, if larger

    def identify(self, request: Request) -> Caller:
        self.challenge_scope = (
            f"repository:{self.kwargs['name']}:{self._challenge_actions(request.method)}"
        )
        return super().identify(request)

    def read(self, name: str) -> Read:
        """This request as a read of ``name``, the repository as the client writes it."""
        is_head = self.request.method == "HEAD"
        headers = self.request.headers
        return Read(is_head, headers, name, self.repository, self.caller, self.now)

    def _challenge_actions(self, method: str | None) -> str:
        action = self.actions[str(method)]
        return self.asks_for.get(str(method)) or {"pull": "pull", "push": "pull,push"}.get(
            action, f"pull,{action}"
        )


def refusal(error: OCIError, request: HttpRequest | Request, *, scope: str = "") -> HttpResponse:
    """A failure in the spec's form. ``scope`` is what a token would have to say."""
    headers = {**API_VERSION, **error.headers()}
    # Python's oras shows the reason of a 403 only when it comes with a challenge.
    is_forbidden = error.status == HTTPStatus.FORBIDDEN and scope
    if error.status == HTTPStatus.UNAUTHORIZED or is_forbidden:
        headers["WWW-Authenticate"] = challenge(request, scope, error)
    return JsonResponse(error_document(error), status=error.status, headers=headers)


def refused(error: OCIError) -> Answer:
    """The same as a plain value, for what no login would help."""
    body = json.dumps(error_document(error)).encode()
    about = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Answer(HTTPStatus(error.status), {**API_VERSION, **error.headers(), **about}, body)


def error_document(error: OCIError) -> dict[str, Any]:
    return {"errors": [{"code": error.code, "message": error.reason, "detail": error.detail}]}

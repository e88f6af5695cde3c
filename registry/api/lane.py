"""The short way to the views for programs."""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import get_resolver

_PREFIX = "/v2/"
_WITHOUT_LENGTH = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class ProgramLane:
    """Answers ``/v2/`` before sessions, messages and what else browsers need.

    Those cost more than a small answer does, and none of them means anything to a
    registry client. Every path below ``/v2/`` has a view, and every view answers
    its own failures.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(_PREFIX):
            return self._get_response(request)
        if "*" not in settings.ALLOWED_HOSTS:
            request.get_host()  # raises DisallowedHost
        match = get_resolver().resolve(request.path_info)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
        if isinstance(response, HttpResponse) and response.status_code not in _WITHOUT_LENGTH:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response

"""The short way to the views for programs."""

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, ResolverMatch, get_resolver

from registry.api.health import PATHS as PROBES
from registry.api.metrics import PATH as METRICS

# Not all routes: a process that is asked by programs alone never loads the pages.
_ROUTES = "registry.api.urls"
_PREFIXES = ("/v2/", "/v1/")
_CHART_FILES = "/helm/"
_WITHOUT_LENGTH = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class ProgramLane:
    """Answers ``/v2/``, ``/v1/``, probes and the files of charts before what only browsers need.

    Those cost more than a small answer does, and none of them means anything to a
    registry client. Every path below the first two has a view, and every view answers
    its own failures. Below ``/helm/`` lie the pages of an organization of that name too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith("//"):
            _forget_double_slash(request)
        match = _program_view(request.path_info)
        if match is None:
            return self._get_response(request)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
        if isinstance(response, HttpResponse) and response.status_code not in _WITHOUT_LENGTH:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


def _forget_double_slash(request: HttpRequest) -> None:
    """Clients that were told an address with a slash at its end ask for ``//v2/``."""
    path = f"/{request.path_info.lstrip('/')}"
    if f"{path}/".startswith(_PREFIXES):
        request.path_info = path
        request.path = f"/{request.path.lstrip('/')}"


def _program_view(path: str) -> ResolverMatch | None:
    if f"{path}/".startswith(_PREFIXES) or path in PROBES or path == METRICS:
        return get_resolver(_ROUTES).resolve(path)
    if path.startswith(_CHART_FILES) and not path.endswith("/"):
        with suppress(Resolver404):
            match = get_resolver(_ROUTES).resolve(path)
            return match if match.namespaces == ["helm"] else None
    return None

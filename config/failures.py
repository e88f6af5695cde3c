"""Failures outside every view: as documents for programs, as pages for people."""

import sys
from collections.abc import Callable

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from accounts.origin import MAX_HOST_LENGTH, only_safe
from artifacts.oci.errors import OCIError, RouteUnknown, Unavailable
from registry.api.doors import answer, is_for_programs
from registry.api.http.failures import (
    InternalError,
    RequestInvalid,
    database_failure,
    failure_of,
)
from ui import errors as pages

Page = Callable[[HttpRequest], HttpResponse]


class HostUnknown(RequestInvalid):
    """The request asks for a name that is not ours."""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What could not be read. The path may be among it."""
    if isinstance(exception, DisallowedHost):
        return unknown_host(request)
    page = pages.too_large if isinstance(exception, RequestDataTooBig) else pages.bad_request
    return _answer(request, failure_of(exception, request), page)


def unknown_host(request: HttpRequest) -> HttpResponse:
    """A name that is not ours. No page: each says what the registry is called."""
    host = only_safe(request.META.get("HTTP_HOST", ""))[:MAX_HOST_LENGTH]
    error = HostUnknown(
        f"this registry does not answer as {host!r}: set SERVER_HOSTNAME to that name in its"
        " configuration, or list it in ALLOWED_HOSTS"
    )
    if is_for_programs(request.path_info):
        return answer(request, error)
    return HttpResponse(
        f"{error.reason}\n",
        status=error.status,
        content_type="text/plain; charset=utf-8",
        headers={"X-Content-Type-Options": "nosniff"},
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return pages.forbidden(request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, RouteUnknown("there is no such endpoint"), pages.not_found)


def server_error(request: HttpRequest) -> HttpResponse:
    """A defect of ours, or what we stand on does not answer. Django has written it to the log."""
    exc = sys.exc_info()[1]
    error = exc if isinstance(exc, Unavailable) else database_failure(exc)
    if error is None:
        return _answer(request, InternalError(), pages.server_error)
    response = _answer(request, error, pages.unreachable)
    for name, value in error.headers().items():
        response.headers[name] = value
    response.status_code = error.status
    return response


def _answer(request: HttpRequest, error: OCIError, page: Page) -> HttpResponse:
    return answer(request, error) if is_for_programs(request.path_info) else page(request)

"""Failures outside every view: as documents for programs, as pages for people."""

import sys
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from artifacts.oci.errors import OCIError, RouteUnknown, Unavailable
from registry.api.doors import answer, is_for_programs
from registry.api.http.failures import InternalError, database_failure, failure_of
from ui import errors as pages

Page = Callable[[HttpRequest], HttpResponse]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What could not be read. The path may be among it, as where the host is not ours."""
    page = pages.too_large if isinstance(exception, RequestDataTooBig) else pages.bad_request
    return _answer(request, failure_of(exception, request), page)


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

"""Failures outside every view: as documents for programs, as pages for people."""

from collections.abc import Callable
from http import HTTPStatus
from typing import ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse

from artifacts.oci.errors import OCIError, RouteUnknown
from registry.api.distribution.errors import API_VERSION, InternalError, error_document
from ui import errors as pages

_FOR_PROGRAMS = ("/v2", "/.well-known/")


class RequestMalformed(OCIError):
    """The request could not be read at all."""

    code: ClassVar[str] = "UNSUPPORTED"
    status = HTTPStatus.BAD_REQUEST
    message = "the request could not be read"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, RequestMalformed(), pages.bad_request)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return pages.forbidden(request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, RouteUnknown("there is no such endpoint"), pages.not_found)


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, InternalError(), pages.server_error)


def _answer(
    request: HttpRequest, error: OCIError, page: Callable[[HttpRequest], HttpResponse]
) -> HttpResponse:
    if request.path_info.startswith(_FOR_PROGRAMS):
        return JsonResponse(error_document(error), status=error.status, headers=API_VERSION)
    return page(request)

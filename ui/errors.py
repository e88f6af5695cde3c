"""Failures as pages, each saying what to do next."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def bad_request(request: HttpRequest) -> HttpResponse:
    return _page(
        HTTPStatus.BAD_REQUEST,
        "This request could not be read",
        "Go back, reload the page and try again.",
    )


def forbidden(request: HttpRequest) -> HttpResponse:
    return _page(
        HTTPStatus.FORBIDDEN,
        "This is not allowed",
        "If you have just logged in or out in another tab, reload the page and try again.",
    )


def not_found(request: HttpRequest) -> HttpResponse:
    return _page(
        HTTPStatus.NOT_FOUND,
        "There is nothing here",
        "The address may be mistyped, or it is something that you may not see: log in first.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The registry failed to answer",
        "Try again in a moment. If it stays so, an administrator finds the reason in the log.",
    )


def _page(status: HTTPStatus, title: str, advice: str) -> HttpResponse:
    # Without a request: whatever failed must not fail again while it is told.
    content = render_to_string("ui/error.html", {"title": title, "advice": advice})
    return HttpResponse(content, status=status)

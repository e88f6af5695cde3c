"""Failures as pages, each saying what to do next."""

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from ui.display.costly import RETRY_AFTER_SECONDS

logger = logging.getLogger(__name__)


def bad_request(request: HttpRequest) -> HttpResponse:
    return page(
        request,
        HTTPStatus.BAD_REQUEST,
        "This request could not be read",
        "Go back, reload the page and try again.",
    )


def too_large(request: HttpRequest) -> HttpResponse:
    return page(
        request,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "This is too much at once",
        "Go back and send less.",
    )


def forbidden(request: HttpRequest) -> HttpResponse:
    return page(
        request,
        HTTPStatus.FORBIDDEN,
        "You may see this, but not do this",
        "Ask somebody who administers it for the right. If you have just signed in or out in"
        " another tab, reload the page and try again.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(
        request,
        HTTPStatus.FORBIDDEN,
        "This form is too old",
        "Go back, reload the page and send it again. Cookies must be allowed for this host.",
    )


def not_found(request: HttpRequest) -> HttpResponse:
    is_known = getattr(getattr(request, "user", None), "is_authenticated", False)
    return page(
        request,
        HTTPStatus.NOT_FOUND,
        "There is nothing here",
        "The address may be mistyped, or it is something that you may not see."
        + ("" if is_known else " Sign in, if you have an account."),
        sign_in_url="" if is_known else _sign_in_url(request),
    )


def too_many_requests(request: HttpRequest, detail: str = "") -> HttpResponse:
    return page(
        request,
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many attempts",
        "Wait a few minutes, then try again.",
        detail=detail,
    )


def unavailable(request: HttpRequest, detail: str = "") -> HttpResponse:
    return page(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The registry cannot do this now",
        "Try again in a moment. If it stays so, an administrator finds the reason in the log.",
        detail=detail,
    )


def busy(request: HttpRequest) -> HttpResponse:
    """For ``Busy``: nothing is wrong, but several large pages are asked for at once."""
    response = page(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The registry is busy with other large pages",
        "Try again in a moment.",
    )
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def unreachable(request: HttpRequest) -> HttpResponse:
    """For what a page itself needs: who looks at it is not asked for again."""
    return _bare(
        HTTPStatus.SERVICE_UNAVAILABLE,
        title="The registry cannot do this now",
        advice="Try again in a moment. If it stays so, an administrator finds the reason in the"
        " log.",
    )


def read_only() -> HttpResponse:
    """Who looks at it is not asked for: nothing of the request was read yet."""
    return _bare(
        HTTPStatus.METHOD_NOT_ALLOWED,
        title="The registry is read-only for now",
        advice="Nothing was changed. Pulling and signing in go on; try this again later.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return _bare(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        title="The registry failed to answer",
        advice="Try again in a moment. If it stays so, an administrator finds the reason in the"
        " log.",
    )


def page(
    request: HttpRequest, status: HTTPStatus, title: str, advice: str, **more: Any
) -> HttpResponse:
    context = {"title": title, "advice": advice, "now": timezone.now(), **more}
    try:
        content = render_to_string("ui/error.html", context, request=request)
    except Exception:  # whatever failed must not fail again while it is told
        logger.warning("the page of an error could not name the visitor", exc_info=True)
        return _bare(status, **context)
    return HttpResponse(content, status=status)


def _bare(status: HTTPStatus, **context: Any) -> HttpResponse:
    return HttpResponse(render_to_string("ui/error.html", context), status=status)


def _sign_in_url(request: HttpRequest) -> str:
    query = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
    return reverse("account_login") + query

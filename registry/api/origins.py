"""Requests that a page of another site makes a browser send (Fetch Standard, "CORS protocol").

A browser sends along a Basic login that it remembers, whoever asks it to. Other sites may
therefore read only where ``CORS_ALLOWED_ORIGINS`` names them, and write only there.
"""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from accounts.origin import external_url
from artifacts.oci.errors import Denied, ManifestTypeUnsupported, OCIError
from registry.api.doors import answer, is_for_programs

ANYBODY = "*"
VARIES_BY = "Origin"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_ELSEWHERE = frozenset({"cross-site", "same-site"})
_JSON = "application/json"
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = (
    "Accept, Authorization, Cache-Control, Content-Range, Content-Type, If-Match, If-None-Match,"
    " If-Range, Range"
)
_ANSWER_HEADERS = (
    "Content-Length, Content-Range, Docker-Content-Digest, Docker-Distribution-API-Version,"
    " Docker-Upload-UUID, ETag, Link, Location, OCI-Chunk-Min-Length, OCI-Filters-Applied,"
    " OCI-Subject, OCI-Tag, Range, Retry-After, Warning, WWW-Authenticate"
)
_REMEMBER_SECONDS = "600"


class CrossOrigin:
    """Lets listed sites in at every door for programs, and nobody else's pages write there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        origin = request.META.get("HTTP_ORIGIN", "")
        if not is_for_programs(request.path_info):
            return self._get_response(request)
        allowed = _allowed(origin)
        if allowed and _is_preflight(request):
            response: HttpResponseBase = _preflight()
        elif refusal := _refusal(request, origin, is_listed=allowed == origin != ""):
            response = answer(request, refusal)
        else:
            response = self._get_response(request)
        if allowed:
            _open(response, allowed)
        if depends_on_origin():
            patch_vary_headers(response, [VARIES_BY])
        return response


def depends_on_origin() -> bool:
    """Whether answers at doors for programs differ by ``VARIES_BY``, and have to say so."""
    return bool(settings.BERTH.CORS_ALLOWED_ORIGINS)


def _allowed(origin: str) -> str:
    """What ``Access-Control-Allow-Origin`` says to ``origin``; empty when it says nothing."""
    if origin and origin in settings.BERTH.CORS_ALLOWED_ORIGINS:
        return origin
    return ANYBODY if origin and ANYBODY in settings.BERTH.CORS_ALLOWED_ORIGINS else ""


def _is_preflight(request: HttpRequest) -> bool:
    asks = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META
    return request.method == "OPTIONS" and asks


def _preflight() -> HttpResponse:
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _REQUEST_HEADERS,
        "Access-Control-Max-Age": _REMEMBER_SECONDS,
    }
    return HttpResponse(status=HTTPStatus.NO_CONTENT, headers=headers)


def _open(response: HttpResponseBase, allowed: str) -> None:
    response.headers["Access-Control-Allow-Origin"] = allowed
    response.headers["Access-Control-Expose-Headers"] = _ANSWER_HEADERS
    if allowed != ANYBODY:  # a login that the browser remembers is not for everybody's pages
        response.headers["Access-Control-Allow-Credentials"] = "true"


def _refusal(request: HttpRequest, origin: str, *, is_listed: bool) -> OCIError | None:
    if request.method in _SAFE:
        return None
    is_foreign = origin != "" and not _is_own(origin, request)
    is_foreign |= not origin and request.META.get("HTTP_SEC_FETCH_SITE", "") in _ELSEWHERE
    if is_foreign and not is_listed:
        return Denied(
            "a page of another site may not write here; CORS_ALLOWED_ORIGINS in the configuration"
            " lists those that may"
        )
    if origin and _is_management(request) and _has_other_body(request):
        return ManifestTypeUnsupported(f"send {_JSON}, and say so in Content-Type")
    return None


def _is_own(origin: str, request: HttpRequest) -> bool:
    """Whether a page of this registry asks. Its scheme does not count: a proxy may have ended TLS
    without a word about it."""
    own = {
        _place(f"//{request.META.get('HTTP_HOST', '')}"),
        _place(external_url(request.META, scheme=str(request.scheme))),
    }
    return _place(origin) in own - {None}


def _place(url: str) -> tuple[str, int | None] | None:
    """Host and port; ``None`` of the port is the scheme's own."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return (parts.hostname, None if port in (80, 443) else port) if parts.hostname else None


def _is_management(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def _has_other_body(request: HttpRequest) -> bool:
    has_body = request.META.get("CONTENT_LENGTH", "") not in ("", "0")
    has_body |= "HTTP_TRANSFER_ENCODING" in request.META
    return has_body and request.content_type != _JSON

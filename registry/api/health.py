"""What probes ask: whether the process lives, and whether it can do its work.

The names are Kubernetes' own (``/livez``, ``/readyz``, ``/healthz``); ``/health/instance`` and
``/health/endtoend`` are Quay's, with the shape of its answers. Anybody may ask, by any host name,
and is told which part fails but not why. ``?verbose`` makes a list for people, as in Kubernetes.
"""

from collections.abc import Mapping
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry.statistics.readiness import is_draining, readiness

_NOT_KEPT = {"Cache-Control": "no-store"}
_QUAY_NAMES = {"database": "database", "storage": "storage", "signing_key": "service_key"}


@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else is asked: a restart does not mend a database."""
    if "verbose" in request.GET:
        return _list("livez", {"ping": True}, HTTPStatus.OK)
    return JsonResponse({"status": "ok"}, headers=_NOT_KEPT)


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Every part works, and the process is not about to end."""
    parts = readiness.parts(now=timezone.now())
    status = _status(parts)
    if "verbose" in request.GET:
        name = request.path_info.strip("/")
        return _list(name, {**parts, "shutdown": not is_draining()}, status)
    checks = {name: "ok" if works else "unavailable" for name, works in parts.items()}
    word = "ok" if status == HTTPStatus.OK else "unavailable"
    if is_draining():
        word = "draining"
    return JsonResponse({"status": word, "checks": checks}, status=status, headers=_NOT_KEPT)


@require_safe
def quay_health(request: HttpRequest) -> JsonResponse:
    parts = readiness.parts(now=timezone.now())
    status = _status(parts)
    services = {name: parts[part] for part, name in _QUAY_NAMES.items()}
    document = {"data": {"services": services}, "status_code": int(status)}
    return JsonResponse(document, status=status, headers=_NOT_KEPT)


def _status(parts: Mapping[str, bool]) -> HTTPStatus:
    is_ready = all(parts.values()) and not is_draining()
    return HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE


def _list(name: str, parts: Mapping[str, bool], status: HTTPStatus) -> HttpResponse:
    """A line for each part, in the words of Kubernetes' own probes."""
    lines = [
        f"[+]{part} ok" if works else f"[-]{part} failed: reason withheld"
        for part, works in parts.items()
    ]
    outcome = "passed" if status == HTTPStatus.OK else "failed"
    text = "\n".join([*lines, f"{name} check {outcome}", ""])
    content_type = "text/plain; charset=utf-8"
    return HttpResponse(text, content_type=content_type, status=status, headers=_NOT_KEPT)


urlpatterns = [
    path("livez", livez),
    path("readyz", readyz),
    path("healthz", readyz),
    path("health/instance", quay_health),
    path("health/endtoend", quay_health),
]
LIVE_PATH = "/livez"
PATHS = frozenset(f"/{pattern.pattern}" for pattern in urlpatterns)

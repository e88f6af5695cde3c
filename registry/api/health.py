"""What probes ask: whether the process lives, and whether it can do its work.

The names are Kubernetes' own (``/livez``, ``/readyz``, ``/healthz``); ``/health/instance`` and
``/health/endtoend`` are Quay's, with the shape of its answers. Anybody may ask, by any host name,
and is told which part fails but not why.
"""

from collections.abc import Mapping
from http import HTTPStatus

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry.statistics.readiness import readiness

_NOT_KEPT = {"Cache-Control": "no-store"}
_QUAY_NAMES = {"database": "database", "storage": "storage", "signing_key": "service_key"}


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked: a restart does not mend a database."""
    return JsonResponse({"status": "ok"}, headers=_NOT_KEPT)


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    parts = readiness.parts(now=timezone.now())
    checks = {name: "ok" if works else "unavailable" for name, works in parts.items()}
    status = _status(parts)
    word = "ok" if status == HTTPStatus.OK else "unavailable"
    return JsonResponse({"status": word, "checks": checks}, status=status, headers=_NOT_KEPT)


@require_safe
def quay_health(request: HttpRequest) -> JsonResponse:
    parts = readiness.parts(now=timezone.now())
    status = _status(parts)
    services = {name: parts[part] for part, name in _QUAY_NAMES.items()}
    document = {"data": {"services": services}, "status_code": int(status)}
    return JsonResponse(document, status=status, headers=_NOT_KEPT)


def _status(parts: Mapping[str, bool]) -> HTTPStatus:
    return HTTPStatus.OK if all(parts.values()) else HTTPStatus.SERVICE_UNAVAILABLE


urlpatterns = [
    path("livez", livez),
    path("readyz", readyz),
    path("healthz", readyz),
    path("health/instance", quay_health),
    path("health/endtoend", quay_health),
]
LIVE_PATH = "/livez"
PATHS = frozenset(f"/{pattern.pattern}" for pattern in urlpatterns)

"""Which door a path belongs to, and how that door tells a failure outside of its views."""

from collections.abc import Callable
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse

from artifacts.oci.errors import OCIError
from registry.api.distribution import base as distribution
from registry.api.health import PATHS as PROBES
from registry.api.helm import base as helm
from registry.api.management import base as management
from registry.api.metrics import PATH as METRICS

_CHART_FILES = (".tgz", ".tgz.prov", "/index.yaml")


class Door(NamedTuple):
    """``urls`` is the module of its routes, ``name`` the first part of their names."""

    urls: str
    name: str
    refusal: Callable[[OCIError, HttpRequest], HttpResponse]


_OCI = Door("registry.api.distribution.urls", "distribution", distribution.refusal)
# By the first segment of the path. Other doors are put in when Berth starts.
DOORS = {
    "v2": _OCI,
    "helm": Door("registry.api.helm.urls", "helm", helm.refusal),
    "api": Door("registry.api.management.urls", "management", management.refusal),
}


def is_for_programs(path: str) -> bool:
    """Whether no page can have this path. The pages of an organization ``helm`` are below
    ``/helm/`` as well, and end in a slash."""
    path = f"/{path.lstrip('/')}"
    first = path.split("/", 2)[1]
    if first == "helm":
        return path.endswith(_CHART_FILES)
    return first == ".well-known" or first in DOORS or path in PROBES or path == METRICS


def answer(request: HttpRequest, error: OCIError) -> HttpResponse:
    """``error`` in the form of the door that ``request`` came to."""
    door = DOORS.get(request.path_info.lstrip("/").partition("/")[0], _OCI)
    return door.refusal(error, request)

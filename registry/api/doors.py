"""Which door a path belongs to, and how that door tells a failure outside of its views."""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse

from artifacts.oci.errors import OCIError
from registry.api.distribution import base as distribution
from registry.api.docker_v1 import base as docker_v1
from registry.api.helm import base as helm
from registry.api.management import base as management

_HELM = "/helm/"
_CHART_FILES = (".tgz", ".tgz.prov", "/index.yaml")
_REFUSALS: Mapping[str, Callable[[OCIError, HttpRequest], HttpResponse]] = {
    "helm": helm.refusal,
    "api": management.refusal,
    "v1": docker_v1.refusal,
}


def is_for_programs(path: str) -> bool:
    """Whether no page can have this path. The pages of an organization ``helm`` are below
    ``/helm/`` as well, and end in a slash."""
    path = f"/{path.lstrip('/')}"
    if path.startswith(_HELM):
        return path.endswith(_CHART_FILES)
    return f"{path}/".startswith(("/v2/", "/v1/", "/api/", "/.well-known/"))


def answer(request: HttpRequest, error: OCIError) -> HttpResponse:
    """``error`` in the form of the door that ``request`` came to."""
    door = request.path_info.lstrip("/").partition("/")[0]
    return _REFUSALS.get(door, distribution.refusal)(error, request)

"""Which door a path belongs to, and how that door tells a failure outside of its views."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from artifacts.oci.errors import OCIError
from registry.api.distribution.errors import API_VERSION, error_document
from registry.api.docker_v1.base import VERSION as DOCKER_V1_VERSION
from registry.api.helm.base import failure_line
from registry.api.management.base import failure_document

_HELM = "/helm/"
_CHART_FILES = (".tgz", ".tgz.prov", "/index.yaml")


def is_for_programs(path: str) -> bool:
    """Whether no page can have this path. The pages of an organization ``helm`` are below
    ``/helm/`` as well, and end in a slash."""
    path = f"/{path.lstrip('/')}"
    if path.startswith(_HELM):
        return path.endswith(_CHART_FILES)
    return f"{path}/".startswith(("/v2/", "/v1/", "/api/", "/.well-known/"))


def answer(request: HttpRequest, error: OCIError) -> HttpResponse:
    """``error`` in the form of the door that ``request`` came to."""
    headers = error.headers()
    match request.path_info.lstrip("/").partition("/")[0]:
        case "helm":
            return failure_line(error)
        case "api":
            document = failure_document(error, error.status, request)
            return JsonResponse(document, status=error.status, headers=headers)
        case "v1":
            headers |= DOCKER_V1_VERSION
            return JsonResponse({"error": error.reason}, status=error.status, headers=headers)
    headers |= API_VERSION
    return JsonResponse(error_document(error), status=error.status, headers=headers)

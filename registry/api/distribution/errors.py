"""Failures under ``/v2/`` in the form of the spec's error documents."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rest_framework.response import Response

from artifacts.oci.errors import OCIError
from registry.api.distribution.challenges import challenge
from registry.api.failures import failure_of

API_VERSION = {"Docker-Distribution-API-Version": "registry/2.0"}


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any failure under ``/v2/`` in the spec's format, defects included."""
    error = failure_of(exc, context["request"])
    headers = {**API_VERSION, **error.headers()}
    scope = getattr(context["view"], "challenge_scope", "")
    # Python's oras shows the reason of a 403 only when it comes with a challenge.
    is_forbidden = error.status == HTTPStatus.FORBIDDEN and scope
    if error.status == HTTPStatus.UNAUTHORIZED or is_forbidden:
        headers["WWW-Authenticate"] = challenge(context["request"], scope, error)
    return Response(error_document(error), status=error.status, headers=headers)


def error_document(error: OCIError) -> dict[str, Any]:
    return {"errors": [{"code": error.code, "message": error.reason, "detail": error.detail}]}

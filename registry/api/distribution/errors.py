"""Turn failures into the spec's error documents. The only ``except`` ladder of this door."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.db import DatabaseError
from rest_framework.response import Response

from artifacts.oci.errors import OCIError, StorageFull
from registry.api.distribution.challenges import challenge

logger = logging.getLogger(__name__)

API_VERSION = {"Docker-Distribution-API-Version": "registry/2.0"}
_SQLITE_FULL = "database or disk is full"


class InternalError(OCIError):
    """A defect of ours. The spec has no code for it; clients show the message."""

    code = "UNKNOWN"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    message = "the registry failed to answer; its log says why"


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any failure under ``/v2/`` in the spec's format, defects included."""
    error = as_oci_error(exc, context)
    headers = {**API_VERSION, **error.headers()}
    scope = getattr(context["view"], "challenge_scope", "")
    # Python's oras shows the reason of a 403 only when it comes with a challenge.
    is_forbidden = error.status == HTTPStatus.FORBIDDEN and scope
    if error.status == HTTPStatus.UNAUTHORIZED or is_forbidden:
        headers["WWW-Authenticate"] = challenge(context["request"], scope, error)
    return Response(error_document(error), status=error.status, headers=headers)


def error_document(error: OCIError) -> dict[str, Any]:
    return {"errors": [{"code": error.code, "message": error.reason, "detail": error.detail}]}


def as_oci_error(exc: Exception, context: Mapping[str, Any]) -> OCIError:
    """What a failure is called; a defect of ours is written to the log."""
    if isinstance(exc, OCIError):
        return exc
    if isinstance(exc, DatabaseError) and _SQLITE_FULL in str(exc):
        return StorageFull("the registry's disk is full")
    request = context["request"]
    logger.error("%s %s failed", request.method, request.path, exc_info=exc)
    return InternalError()

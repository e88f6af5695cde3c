"""What a failure is called, whichever door it happens behind. Each tells it in its own form."""

import logging
from http import HTTPStatus

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import TooManyFieldsSent as TooManyFields
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, UnreadablePostError
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from artifacts.oci.errors import OCIError, SizeInvalid, StorageFull, Unavailable

logger = logging.getLogger(__name__)

_SQLITE_FULL = "database or disk is full"
_POSTGRESQL_FULL = "53100"
_OUR_FAULTS = frozenset({1, 21, 25})  # SQLITE_ERROR, SQLITE_MISUSE, SQLITE_RANGE


class InternalError(OCIError):
    """A defect of ours. The spec has no code for it; clients show the message."""

    code = "UNKNOWN"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    message = "the registry failed to answer; its log says why"


class RequestMalformed(OCIError):
    """The request could not be read at all."""

    code = "UNSUPPORTED"
    status = HTTPStatus.BAD_REQUEST
    message = "the request could not be read"


class RequestTooLarge(SizeInvalid):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = "the request is too large"


class DatabaseUnavailable(Unavailable):
    """Locked, unreachable, restarting, or without a connection to spare."""

    message = "the registry's database does not answer; try again shortly"


def failure_of(exc: BaseException, request: HttpRequest | Request) -> OCIError:
    """What a failure is called; a defect of ours is written to the log."""
    if isinstance(exc, OCIError):
        return exc
    if malformed := _malformed(exc):
        return malformed
    if unavailable := database_failure(exc):
        logger.error("%s %s: %s", request.method, request.path, exc)
        return unavailable
    logger.error("%s %s failed", request.method, request.path, exc_info=exc)
    return InternalError()


def database_failure(exc: BaseException | None) -> OCIError | None:
    """What is told where the database, and no statement of ours, is what failed."""
    if not isinstance(exc, DatabaseError | InterfaceError):
        return None
    cause = exc.__cause__
    if _SQLITE_FULL in str(exc) or getattr(cause, "sqlstate", "") == _POSTGRESQL_FULL:
        return StorageFull("the registry's disk is full")
    if not isinstance(exc, OperationalError | InterfaceError):
        return None
    is_sqlite = type(cause).__module__ == "sqlite3"
    if is_sqlite and isinstance(exc, InterfaceError):  # a parameter of a kind that it does not know
        return None
    if is_sqlite and getattr(cause, "sqlite_errorcode", 0) & 0xFF in _OUR_FAULTS:
        return None
    return DatabaseUnavailable()


def _malformed(exc: BaseException) -> OCIError | None:
    match exc:
        case RequestDataTooBig():
            return RequestTooLarge()
        case TooManyFields():
            return RequestMalformed("the request has too many parameters")
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            return RequestMalformed()
        case APIException(status_code=HTTPStatus.BAD_REQUEST):
            return RequestMalformed(str(exc.detail))
    return None

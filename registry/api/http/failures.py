"""What a failure is called, whichever door it happens behind. Each tells it in its own form."""

import logging
from http import HTTPStatus
from typing import Any, Protocol

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import TooManyFieldsSent as TooManyFields
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import UnreadablePostError
from rest_framework.exceptions import APIException

from accounts.errors import AccountError
from artifacts.oci.errors import OCIError, SizeInvalid, StorageFull, Unavailable

logger = logging.getLogger(__name__)

_SQLITE_FULL = "database or disk is full"
_POSTGRESQL_FULL = "53100"
# A standby, or a primary that was told to write no more; a transaction that took too long.
_POSTGRESQL_STATES = frozenset({"25006", "25P03"})
_OUR_FAULTS = frozenset({1, 21, 25})  # SQLITE_ERROR, SQLITE_MISUSE, SQLITE_RANGE


class InternalError(OCIError):
    """A defect of ours. The spec has no code for it; clients show the message."""

    code = "UNKNOWN"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    message = "the registry failed to answer; its log says why"


class RequestInvalid(OCIError):
    """The request is not what its route takes, or could not be read at all."""

    code = "UNSUPPORTED"
    status = HTTPStatus.BAD_REQUEST
    message = "the request could not be read"


class RequestTooLarge(SizeInvalid):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = "the request is too large"


class DatabaseUnavailable(Unavailable):
    """Locked, unreachable, restarting, only to be read, or without a connection to spare."""

    message = "the registry's database does not answer; try again shortly"


class Asked(Protocol):
    """What the log says of a request."""

    @property
    def method(self) -> str | None: ...

    @property
    def path(self) -> str: ...


def failure_of(exc: BaseException, request: Asked) -> OCIError:
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
    state = getattr(exc.__cause__, "sqlstate", "")
    if _SQLITE_FULL in str(exc) or state == _POSTGRESQL_FULL:
        return StorageFull("the registry's disk is full")
    if state in _POSTGRESQL_STATES or _does_not_answer(exc):
        return DatabaseUnavailable()
    return None


def _does_not_answer(exc: DatabaseError | InterfaceError) -> bool:
    if not isinstance(exc, OperationalError | InterfaceError):
        return False
    cause = exc.__cause__
    if type(cause).__module__ != "sqlite3":
        return True
    if isinstance(exc, InterfaceError):  # a parameter of a kind that it does not know
        return False
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF not in _OUR_FAULTS


def _malformed(exc: BaseException) -> OCIError | None:
    match exc:
        case AccountError():
            return RequestInvalid(str(exc))
        case RequestDataTooBig():
            return RequestTooLarge()
        case TooManyFields():
            return RequestInvalid("the request has too many parameters")
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            return RequestInvalid()
        case APIException(status_code=HTTPStatus.BAD_REQUEST):
            return RequestInvalid(_first_sentence(exc.detail))
    return None


def _first_sentence(detail: Any) -> str:
    """What REST framework has to say about a request, in words: the first of what may be many."""
    match detail:
        case {"non_field_errors": errors}:
            return _first_sentence(errors)
        case dict() if detail:
            name, errors = next(iter(detail.items()))
            return f"{name} {_first_sentence(errors)}"
        case [first, *_]:
            return _first_sentence(first)
    return str(detail)

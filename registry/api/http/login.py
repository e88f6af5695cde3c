"""Who calls, from the ``Authorization`` header; and what a 401 tells clients to do."""

import base64
import binascii
from datetime import datetime

from django.http import HttpRequest
from rest_framework.request import Request

from accounts import origin
from accounts.credentials.principals import Principal
from accounts.credentials.services import authenticate
from artifacts.oci.errors import OCIError, Unauthorized
from registry.access.callers import Caller, InsufficientScope
from registry.access.tokens import TokenInvalid, service_name, verify_token

PRINCIPAL = "berth.principal"
"""Where a request keeps the name of who logged in with it, for the access log."""

_MAX_BASIC_LENGTH = 12 * 1024  # what workloads bring is long


def identify(request: Request, *, now: datetime) -> Caller | None:
    """Who sent this request; ``None`` when it brings no credentials."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, value = header.strip().partition(" ")
    match scheme.lower():
        case "":
            return None
        case "bearer":
            claims = verify_token(value.strip(), now=now)
            return Caller(claims.principal, claims, address_of(request))
        case "basic":
            username, password = read_basic(value)
            return Caller(log_in(request, username, password, now=now), None, address_of(request))
        case _:
            raise Unauthorized("use Basic or Bearer in the Authorization header")


def log_in(request: Request, username: str, password: str, *, now: datetime) -> Principal:
    """Who that is; see ``authenticate``."""
    door = request.path_info.lstrip("/").partition("/")[0]
    principal = authenticate(
        username=username,
        password=password,
        address=address_of(request),
        door=f"/{door}",
        now=now,
    )
    request.META[PRINCIPAL] = principal.name
    return principal


def read_basic(value: str) -> tuple[str, str]:
    """User name and password of ``Basic`` credentials (RFC 7617)."""
    try:
        text = base64.b64decode(value.strip()[:_MAX_BASIC_LENGTH], validate=True).decode("utf-8")
        username, colon, password = text.partition(":")
    except (binascii.Error, ValueError) as error:
        raise Unauthorized("the Basic credentials are not readable") from error
    if not colon or "\x00" in text:
        raise Unauthorized("the Basic credentials are not readable")
    return username, password


def address_of(request: Request) -> str:
    return origin.address_of(request.META)


def external_url(request: HttpRequest | Request) -> str:
    return origin.external_url(request.META, scheme=str(request.scheme))


def challenge(request: HttpRequest | Request, scope: str, error: OCIError) -> str:
    """The value of ``WWW-Authenticate``: where to get which token (RFC 6750, section 3)."""
    parts = [
        f'realm="{external_url(request)}/v2/auth"',
        f'service="{origin.only_safe(service_name())}"',
    ]
    if scope:
        parts.append(f'scope="{scope}"')
    match error:
        case InsufficientScope():
            parts.append('error="insufficient_scope"')
        case TokenInvalid():
            parts.append('error="invalid_token"')
    return "Bearer " + ",".join(parts)

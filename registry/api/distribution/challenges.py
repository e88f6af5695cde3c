"""Who calls, from the ``Authorization`` header; and what a 401 tells clients to do."""

import base64
import binascii
from datetime import datetime
from ipaddress import ip_address

from django.conf import settings
from rest_framework.request import Request

from accounts.credentials.services import authenticate
from artifacts.oci.errors import OCIError, Unauthorized
from registry.access.callers import Caller, InsufficientScope
from registry.access.tokens import TokenInvalid, service_name, verify_token

_MAX_BASIC_LENGTH = 4096


def identify(request: Request, *, now: datetime) -> Caller | None:
    """Who sent this request; ``None`` when it brings no credentials."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, value = header.strip().partition(" ")
    match scheme.lower():
        case "":
            return None
        case "bearer":
            claims = verify_token(value.strip(), now=now)
            return Caller(claims.principal, claims)
        case "basic":
            username, password = read_basic(value)
            return Caller(
                authenticate(
                    username=username, password=password, address=address_of(request), now=now
                )
            )
        case _:
            raise Unauthorized("use Basic or Bearer in the Authorization header")


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
    """Where the request comes from, past the proxies that ``TRUSTED_PROXIES`` names."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    for hop in reversed(forwarded.split(",") if forwarded else []):
        if not _is_trusted_proxy(address):
            break
        address = hop.strip()
    return address


def _is_trusted_proxy(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings.TRUSTED_PROXIES)


def external_url(request: Request) -> str:
    """Scheme and host as the client sees them, from the settings or what a proxy forwarded."""
    meta = request.META
    if settings.SERVER_HOSTNAME:
        return f"{settings.PREFERRED_URL_SCHEME}://{settings.SERVER_HOSTNAME}"
    scheme = meta.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0].strip() or str(request.scheme)
    host = meta.get("HTTP_X_FORWARDED_HOST", "").partition(",")[0].strip()
    host = host or meta.get("HTTP_HOST", "") or f"{meta['SERVER_NAME']}:{meta['SERVER_PORT']}"
    return f"{'https' if scheme == 'https' else 'http'}://{_safe(host)}"


def challenge(request: Request, scope: str, error: OCIError) -> str:
    """The value of ``WWW-Authenticate``: where to get which token (RFC 6750, section 3)."""
    parts = [f'realm="{external_url(request)}/v2/auth"', f'service="{_safe(service_name())}"']
    if scope:
        parts.append(f'scope="{scope}"')
    match error:
        case InsufficientScope():
            parts.append('error="insufficient_scope"')
        case TokenInvalid():
            parts.append('error="invalid_token"')
    return "Bearer " + ",".join(parts)


def _safe(text: str) -> str:
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c in ".-_:[]"))

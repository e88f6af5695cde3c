"""Where a request comes from and what it was sent to, past the proxies in between."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.conf import settings

Meta = Mapping[str, Any]


def address_of(meta: Meta) -> str:
    """Where the request comes from, past the proxies that ``TRUSTED_PROXIES`` names.

    Args:
        meta: the request's WSGI environment, ``request.META``.
    """
    address = str(meta.get("REMOTE_ADDR", ""))
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "")
    for hop in reversed(forwarded.split(",") if forwarded else []):
        if not _is_trusted_proxy(address):
            break
        address = hop.strip()
    return address


def external_url(meta: Meta, *, scheme: str) -> str:
    """Scheme and host as the client sees them, from the settings or what a proxy forwarded."""
    if settings.SERVER_HOSTNAME:
        return f"{settings.PREFERRED_URL_SCHEME}://{settings.SERVER_HOSTNAME}"
    scheme = meta.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0].strip() or scheme
    host = meta.get("HTTP_X_FORWARDED_HOST", "").partition(",")[0].strip()
    host = host or meta.get("HTTP_HOST", "") or f"{meta['SERVER_NAME']}:{meta['SERVER_PORT']}"
    return f"{'https' if scheme == 'https' else 'http'}://{only_safe(host)}"


def only_safe(text: str) -> str:
    """``text`` without what no host name holds, so that it fits in a quoted header value."""
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c in ".-_:[]"))


def _is_trusted_proxy(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings.TRUSTED_PROXIES)

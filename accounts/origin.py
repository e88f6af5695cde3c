"""Where a request comes from and what it was sent to, past the proxies in between.

Proxies say it in ``X-Forwarded-For``, ``-Host`` and ``-Proto``, or in ``Forwarded`` (RFC 7239).
They are believed when ``TRUSTED_PROXIES`` names the peer; whoever else sends such is ignored.
"""

import re
import socket
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import DisallowedHost

Meta = Mapping[str, Any]

_HEADERS: Final = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_FORWARDED_SSL",
    "HTTP_X_REAL_IP",
)
FORWARDED: Final = tuple(name[len("HTTP_") :].replace("_", "-").lower() for name in _HEADERS)
"""The names of all headers in which proxies say something, in lower case."""

MAX_HOST_LENGTH: Final = 255
_MAX_HOPS: Final = 32
# token "=" ( token / quoted-string ), RFC 7239 section 4.
_PAIR: Final = re.compile(
    r"\s*(?P<name>[!#$%&\'*+.^_`|~\w-]+)"
    r'=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^",;\s]*))\s*',
    re.A,
)
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.A)
# Nobody can register a name below these, or one without a dot (RFC 6761, RFC 6762; ".internal" is
# ICANN's for private use, ".svc" is of Kubernetes).
_UNREGISTRABLE: Final = (".localhost", ".local", ".internal", ".svc")
_BY_PROXY: Final = "berth.by_proxy"


class ForwardedHeaders:
    """The outermost middleware: what proxies forwarded becomes the request's own, or is dropped.

    Afterwards ``REMOTE_ADDR`` is the client's address, ``HTTP_HOST`` and the scheme are what the
    client asked for, and none of the headers is there any more. A host that is not ours ends it.
    """

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response

    def __call__(self, request: Any) -> Any:
        settle(request.META)
        if not is_served(request.META):
            refused.host = only_safe(request.META["HTTP_HOST"])[:MAX_HOST_LENGTH]
            raise DisallowedHost(request.META["HTTP_HOST"])
        return self._get_response(request)


class _Ignored:
    """The last address whose forwarded headers were ignored, for ``doctor``."""

    address = ""


ignored: Final = _Ignored()


class _Refused:
    """The last name that a request asked for in vain, for ``doctor``."""

    host = ""


refused: Final = _Refused()


def settle(meta: MutableMapping[str, Any]) -> None:
    """Replace what was forwarded by what it means. ``meta`` is a WSGI environment."""
    if not any(name in meta for name in _HEADERS):
        return
    headers = {name: str(meta.pop(name, "")) for name in _HEADERS}
    peer = str(meta.get("REMOTE_ADDR", ""))
    if not is_trusted_proxy(peer):
        ignored.address = peer if not settings.BERTH.TRUSTED_PROXIES else ""
        return
    meta[_BY_PROXY] = True
    elements = list(_elements(headers["HTTP_FORWARDED"]))
    listed = [hop.strip() for hop in headers["HTTP_X_FORWARDED_FOR"].split(",") if hop.strip()]
    by_list, _ = _past_proxies(peer, listed)
    by_elements, hops = _past_proxies(peer, [element.get("for", "") for element in elements])
    # A proxy that writes one kind lets the other pass as the client sent it. Where both are there
    # and differ, nobody knows which was forged: then it was the proxy that called, and host and
    # scheme are what it said to us itself.
    if not listed or not elements:
        meta["REMOTE_ADDR"] = by_elements if elements else by_list
    elif by_list == by_elements:
        meta["REMOTE_ADDR"] = by_list
    seen = elements[-hops] if 0 < hops <= len(elements) else {}
    scheme = _first(headers["HTTP_X_FORWARDED_PROTO"]).lower()
    host = _first(headers["HTTP_X_FORWARDED_HOST"]).lower()
    seen_scheme, seen_host = seen.get("proto", "").lower(), seen.get("host", "").lower()
    if not (listed or scheme or host):
        scheme, host = seen_scheme, seen_host
    elif elements:
        scheme = scheme if scheme == seen_scheme else ""
        host = host if host == seen_host else ""
    if scheme in {"http", "https"}:
        meta["wsgi.url_scheme"] = scheme
    if _HOST.fullmatch(host):
        meta["HTTP_HOST"] = host


def address_of(meta: Meta) -> str:
    """Where the request comes from, past the proxies that ``TRUSTED_PROXIES`` names.

    Args:
        meta: the request's WSGI environment, ``request.META``.
    """
    return str(meta.get("REMOTE_ADDR", ""))


def network_of(address: str) -> str:
    """What one person controls: an IPv4 address, or a /64 of IPv6."""
    parsed = _address(address)
    if parsed is None:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((parsed, 64), strict=False))


def is_trusted_proxy(address: str) -> bool:
    """Whether ``TRUSTED_PROXIES`` names it, so that it speaks for others."""
    parsed = _address(address)
    return parsed is not None and any(
        parsed in network for network in settings.BERTH.TRUSTED_PROXIES
    )


def external_url(meta: Meta, *, scheme: str) -> str:
    """Scheme and host as the client sees them, from the settings or from the request."""
    if settings.BERTH.SERVER_HOSTNAME:
        return f"{settings.BERTH.PREFERRED_URL_SCHEME}://{settings.BERTH.SERVER_HOSTNAME}"
    host = meta.get("HTTP_HOST", "") or f"{meta['SERVER_NAME']}:{meta['SERVER_PORT']}"
    return f"{'https' if scheme == 'https' else 'http'}://{only_safe(host)}"


def is_served(meta: Meta) -> bool:
    """Whether the host that is asked for is one of ours.

    Any other may be that of a page elsewhere whose name was made to mean our address, or one to
    which clients are to be led with what they know. Addresses and names that nobody can register
    are harmless. Where no names are set, a trusted proxy knows best.
    """
    host = str(meta.get("HTTP_HOST", ""))
    if not host or "*" in settings.BERTH.ALLOWED_HOSTS:
        return True
    if not _HOST.fullmatch(host):
        return False
    if _address(host) is not None:
        return True
    name = host.partition(":")[0].rstrip(".").lower()
    if "." not in name or name.endswith(_UNREGISTRABLE) or name == _own_name():
        return True
    if not (settings.BERTH.ALLOWED_HOSTS or settings.BERTH.SERVER_HOSTNAME):
        return bool(meta.get(_BY_PROXY))
    ours = settings.BERTH.SERVER_HOSTNAME.partition(":")[0].lower()
    return name == ours or any(_is_named(name, served) for served in settings.BERTH.ALLOWED_HOSTS)


def _is_named(name: str, served: str) -> bool:
    """Whether ``served`` is that name, or begins with a dot and is the end of it."""
    served = served.lower()
    return name == served.lstrip(".") or (served.startswith(".") and name.endswith(served))


@cache
def _own_name() -> str:
    return socket.gethostname().lower()


def only_safe(text: str) -> str:
    """``text`` without what no host name holds, so that it fits in a quoted header value."""
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c in ".-_:[]"))


def _past_proxies(peer: str, hops: list[str]) -> tuple[str, int]:
    """The nearest address that is no proxy of ours, and how many ``hops`` it took from the end."""
    address = peer
    for count, hop in enumerate(reversed(hops[-_MAX_HOPS:])):
        if not is_trusted_proxy(address):
            return address, count
        parsed = _address(hop)
        if parsed is None:  # ``unknown`` or a name: the last proxy is all that is known
            return address, count + 1
        address = str(parsed)
    return address, len(hops[-_MAX_HOPS:])


def _elements(header: str) -> Iterator[dict[str, str]]:
    """The elements of ``Forwarded``, outermost proxy first; none when it breaks the grammar."""
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(header):
        if match := _PAIR.match(header, position):
            quoted = match["quoted"]
            value = match["token"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            elements[-1].setdefault(match["name"].lower(), value)
            position = match.end()
        if position < len(header):
            if header[position] == ",":
                elements.append({})
            elif header[position] != ";":
                return iter(())
            position += 1
    return iter([element for element in elements if element])


def _first(header: str) -> str:
    return header.partition(",")[0].strip()


@lru_cache(maxsize=1024)  # clients send the same host with each request
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address of a hop, which may have a port: ``192.0.2.1:80``, ``[2001:db8::1]:80``."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed

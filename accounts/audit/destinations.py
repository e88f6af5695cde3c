"""Where the audit log can be forwarded to, as the configuration says it.

Source: RFC 5424, RFC 5425, RFC 5426 and RFC 6587 for syslog.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

MAX_LENGTH: Final = 2000


class Way(StrEnum):
    STDOUT = "stdout"
    HTTP = "http"
    HTTPS = "https"
    UDP = "syslog+udp"
    TCP = "syslog+tcp"
    TLS = "syslog+tls"


_SYSLOG_PORTS: Final = {Way.UDP: 514, Way.TCP: 601, Way.TLS: 6514}


class DestinationInvalid(ValueError):
    """No place that events can be forwarded to. It says what one looks like."""


@dataclass(frozen=True, slots=True)
class Destination:
    """``port`` is that of syslog; of HTTP the ``url`` says all."""

    way: Way
    url: str
    host: str = ""
    port: int = 0


def parse_destination(text: str) -> Destination:
    """``stdout``, an address of HTTP, or ``syslog+udp://``, ``+tcp``, ``+tls`` with a host.

    Raises ``DestinationInvalid``.
    """
    if text == Way.STDOUT:
        return Destination(Way.STDOUT, text)
    try:
        parts = urlsplit(text)
        way, host, port = Way(parts.scheme), parts.hostname, parts.port
    except ValueError:
        raise _invalid() from None
    is_plain = text.isascii() and text.isprintable() and " " not in text
    if not host or not is_plain or "@" in parts.netloc or len(text) > MAX_LENGTH:
        raise _invalid()
    if way not in _SYSLOG_PORTS:
        return Destination(way, text, host)
    if parts.path.strip("/") or parts.query or parts.fragment or port == 0:
        raise _invalid()
    return Destination(way, text, host, port or _SYSLOG_PORTS[way])


def _invalid() -> DestinationInvalid:
    return DestinationInvalid(
        "stdout, https://HOST/PATH, or syslog+tls://HOST:PORT (also syslog+tcp, syslog+udp)"
    )

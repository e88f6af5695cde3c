"""The client for addresses that somebody gave.

Each call asks for the host's name once, connects to an address that was checked, and speaks TLS
with the name. It follows no redirect, reads no variable of the environment, unpacks nothing, and
ends: its time and what it reads have bounds that no peer can stretch.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from accounts.outgoing.addresses import (
    Address,
    AddressRefused,
    NameUnresolved,
    Permission,
    parse_address,
    resolve,
)

CONNECT_SECONDS: Final = 3
_PIECE: Final = 16 * 1024


class CallFailed(Exception):
    """No answer came, or none that is HTTP. ``str`` is a sentence for a person."""


class HostUnreached(CallFailed):
    """The host's name stands for nothing, or nothing there took the connection: whoever else asks
    it now fares no better."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` by their names in small letters; of several of one name, the last.

    ``is_whole`` is false when the body was longer than what was to be read of it.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


def permission(*, hosts: frozenset[str] = frozenset(), with_secret: bool = False) -> Permission:
    """What the configuration permits.

    Args:
        hosts: those that an administrator named for this purpose.
        with_secret: what is sent must not be read on the way.
    """
    return Permission.of(
        settings.BERTH.OUTGOING_ALLOWED_NETWORKS,
        hosts=hosts,
        with_http=settings.BERTH.OUTGOING_ALLOW_HTTP or not with_secret,
    )


def call(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
    allowed: Permission,
    seconds: float,
    most_bytes: int,
) -> Answer:
    """Ask ``url``, and read at most ``most_bytes`` of the answer.

    Raises:
        AddressRefused: it may not be asked.
        HostUnreached: nobody is there to ask.
        CallFailed: whatever else goes wrong.
    """
    address = parse_address(url, allowed)
    _refuse_ourselves(address)
    until = time.monotonic() + seconds
    try:
        with _ended_at(until) as line:
            return _called(method, address, body, headers, allowed, most_bytes, line)
    except NameUnresolved as error:
        raise HostUnreached(str(error)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= until:
            raise CallFailed(f"no whole answer came within {seconds:g} s") from error
        raise CallFailed(_words(error)) from error


class _Line:
    """The connection of one call, which its deadline can cut from another thread."""

    def __init__(self, until: float) -> None:
        self.until = until
        self.sockets: list[socket.socket] = []
        self.is_cut = False

    @property
    def seconds(self) -> float:
        """Those that are left. Raises ``TimeoutError``."""
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def watch(self, connection: socket.socket) -> None:
        # TLS takes the socket over; a second name for it is still good to end it.
        self.sockets.append(connection.dup())

    def cut(self) -> None:
        self.is_cut = True
        for connection in self.sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended by itself
                continue


@contextmanager
def _ended_at(until: float) -> Iterator[_Line]:
    line = _Line(until)
    timer = threading.Timer(max(until - time.monotonic(), 0), line.cut)
    timer.daemon = True
    timer.start()
    try:
        yield line
        if line.is_cut:  # an answer without a length ends with its connection
            raise TimeoutError
    finally:
        timer.cancel()
        timer.join()
        for connection in line.sockets:
            connection.close()


def _called(
    method: str,
    address: Address,
    body: bytes,
    headers: Mapping[str, str],
    allowed: Permission,
    most_bytes: int,
    line: _Line,
) -> Answer:
    proxy = urlsplit(settings.BERTH.OUTGOING_PROXY)
    target = address.target
    if proxy.hostname:  # which addresses it reaches is its matter
        connection = _connected([proxy.hostname], proxy.port or 3128, line)
        if address.is_secure:
            _ask_for_tunnel(connection, address)
        else:
            target = f"http://{address.authority}{target}"
    else:
        addresses = resolve(address, allowed, seconds=line.seconds)
        connection = _connected(addresses, address.port, line)
    with connection:
        connection.settimeout(line.seconds)
        if not address.is_secure:
            return _answer(connection, method, target, address, body, headers, most_bytes)
        with _tls().wrap_socket(connection, server_hostname=address.host) as secured:
            return _answer(secured, method, target, address, body, headers, most_bytes)


def _answer(
    stream: socket.socket,
    method: str,
    target: str,
    address: Address,
    body: bytes,
    headers: Mapping[str, str],
    most_bytes: int,
) -> Answer:
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.sock = stream
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    own = {"Host": address.authority, "Accept-Encoding": "identity", "Connection": "close"}
    if body or method not in ("GET", "HEAD"):
        own["Content-Length"] = str(len(body))
    own_names = {name.lower() for name in own}
    sent = own | {name: value for name, value in headers.items() if name.lower() not in own_names}
    for name, value in sent.items():
        connection.putheader(name, value)
    connection.endheaders(body or None)
    with connection.getresponse() as response:
        content = bytearray()
        while len(content) <= most_bytes:
            piece = response.read1(min(_PIECE, most_bytes + 1 - len(content)))
            if not piece:
                break
            content += piece
        if response.length and len(content) <= most_bytes:
            raise http.client.IncompleteRead(bytes(content), response.length)
        return Answer(
            response.status,
            response.reason,
            {name.lower(): value for name, value in response.getheaders()},
            bytes(content[:most_bytes]),
            len(content) <= most_bytes,
        )


def _connected(hosts: Sequence[str], port: int, line: _Line) -> socket.socket:
    """To the first of the addresses that takes the connection. Raises ``HostUnreached``."""
    failure = OSError("there is no address")
    for host in hosts:
        try:
            connection = socket.create_connection(
                (host, port), timeout=min(CONNECT_SECONDS, line.seconds)
            )
        except OSError as error:
            failure = error
            continue
        line.watch(connection)
        return connection
    raise HostUnreached(_words(failure)) from failure


def _ask_for_tunnel(connection: socket.socket, address: Address) -> None:
    host = f"[{address.host}]" if ":" in address.host else address.host
    place = f"{host}:{address.port}"
    connection.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):  # byte by byte: what follows is not ours to read
        sign = connection.recv(1)
        if not sign or len(head) > _PIECE:
            raise OSError("the proxy gave no answer")
        head += sign
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise OSError(f"the proxy refused to connect to {address.host}")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Trusts whom the machine trusts; ``SSL_CERT_FILE`` names others, as for all of OpenSSL."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _refuse_ourselves(address: Address) -> None:
    """Nothing may make Berth ask itself, which would answer one request with the next."""
    own = urlsplit(f"//{settings.BERTH.SERVER_HOSTNAME}")
    if own.hostname != address.host:
        return
    default = 443 if settings.BERTH.PREFERRED_URL_SCHEME == "https" else 80
    if (own.port or default) == address.port:
        raise AddressRefused(f"{address.host} is this registry itself")


def _words(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            problem = f"the certificate does not hold: {error.verify_message}"
        case ssl.SSLError():
            problem = f"no encrypted connection: {error.reason or 'TLS failed'}"
        case TimeoutError():
            problem = "no connection, or no answer, in time"
        case ConnectionRefusedError():
            problem = "the connection was refused"
        case http.client.HTTPException():
            problem = f"what came is not HTTP ({type(error).__name__})"
        case OSError(strerror=str(text)) if text:
            problem = f"the connection failed: {text}"
        case _:
            problem = f"the connection failed: {error or type(error).__name__}"
    return problem[:300]

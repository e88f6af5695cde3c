"""Events of the audit log are told to a place beside Berth, each at least once.

An event that is to be forwarded is marked in the transaction that adds it, and the mark goes when
it has arrived. So nothing is lost while the place is away or a process is killed, whatever the
order is in which transactions end; what was sent and could not be marked is sent once more.
"""

import socket
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from typing import Final

from django.conf import settings

from accounts import statements
from accounts.audit.destinations import Destination, Way, parse_destination
from accounts.audit.models import AuditEvent
from accounts.outgoing.addresses import Address, AddressRefused, NameUnresolved, resolve
from accounts.outgoing.client import CallFailed, call, permission

BATCH_ROWS: Final = 500
SECONDS: Final = 10  # for one batch
CLOSE_SECONDS: Final = 2
RESOLVE_SECONDS: Final = 3
MAX_DATAGRAM_BYTES: Final = 32 * 1024

_PRIORITY: Final = 13 * 8 + 6  # facility "log audit", severity "informational"
_MAX_MESSAGE_ID: Final = 32
_MAX_HOST: Final = 255
_FORWARDED: Final = "UPDATE audit_auditevent SET to_forward = %s WHERE id IN ({ids})"


class NotForwarded(Exception):
    """They did not arrive. ``str`` is a sentence for a person."""


def forward_events() -> int:
    """Tell the oldest events that wait, at most ``BATCH_ROWS``; return how many.

    Raises ``NotForwarded``; they wait on then.
    """
    to = settings.BERTH.ACTION_LOG_FORWARD_TO
    waiting = AuditEvent.objects.filter(to_forward=True).order_by("id")
    events = list(waiting[:BATCH_ROWS]) if to else []
    if not events:
        return 0
    _send(parse_destination(to), events)
    ids = statements.places(len(events))
    statements.execute(_FORWARDED.format(ids=ids), [False, *(event.pk for event in events)])
    return len(events)


def _send(destination: Destination, events: Sequence[AuditEvent]) -> None:
    match destination.way:
        case Way.STDOUT:
            sys.stdout.write("".join(f"{event.line}\n" for event in events))
            sys.stdout.flush()
        case Way.HTTP | Way.HTTPS:
            _post(destination, events)
        case _:
            try:
                _tell_syslog(destination, [_message(event) for event in events])
            except (OSError, AddressRefused, NameUnresolved) as error:
                raise NotForwarded(f"{destination.url} does not take them: {error}") from error


def _post(destination: Destination, events: Sequence[AuditEvent]) -> None:
    """As JSON, a line for each event."""
    token = settings.BERTH.ACTION_LOG_FORWARD_TOKEN
    headers = {
        "Content-Type": "application/x-ndjson",
        "User-Agent": f"Berth/{settings.VERSION}",
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }
    try:
        answer = call(
            "POST",
            destination.url,
            body="".join(f"{event.line}\n" for event in events).encode(),
            headers=headers,
            allowed=permission(hosts=frozenset({destination.host}), with_secret=bool(token)),
            seconds=SECONDS,
            most_bytes=1024,
        )
    except (AddressRefused, CallFailed) as error:
        raise NotForwarded(f"{destination.url} does not take them: {error}") from error
    if not 200 <= answer.status < 300:
        raise NotForwarded(f"{destination.url} answered {answer.status}")


def _message(event: AuditEvent) -> bytes:
    """As RFC 5424 has it: the event's JSON behind a head that names the action."""
    host = settings.BERTH.SERVER_HOSTNAME or socket.gethostname()
    head = (
        f"<{_PRIORITY}>1 {event.at.astimezone(UTC).isoformat()} {_printable(host, _MAX_HOST)}"
        f" berth - {_printable(event.action, _MAX_MESSAGE_ID)} -"
    )
    return f"{head} {event.line}".encode()


def _printable(text: str, most: int) -> str:
    return "".join(one for one in text if "!" <= one <= "~")[:most] or "-"


def _tell_syslog(destination: Destination, messages: Sequence[bytes]) -> None:
    place = Address(destination.way, destination.host, destination.port, "")
    allowed = permission(hosts=frozenset({destination.host}))
    address = (resolve(place, allowed, seconds=RESOLVE_SECONDS)[0], destination.port)
    if destination.way == Way.UDP:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(SECONDS)
            datagrams.connect(address)
            for message in messages:
                datagrams.send(message[:MAX_DATAGRAM_BYTES])
        return
    stream = b"".join(b"%d %b" % (len(message), message) for message in messages)
    with socket.create_connection(address, timeout=SECONDS) as opened:
        if destination.way == Way.TLS:
            context = ssl.create_default_context()
            with context.wrap_socket(opened, server_hostname=destination.host) as secure:
                _write(secure, stream)
        else:
            _write(opened, stream)


def _write(connection: socket.socket, stream: bytes) -> None:
    """Send, and wait for the other end to close in its turn: then it has read it all.

    One that leaves its side open is believed after a while: syslog has no other answer.
    """
    connection.sendall(stream)
    connection.settimeout(CLOSE_SECONDS)
    with suppress(TimeoutError, ssl.SSLEOFError):
        if isinstance(connection, ssl.SSLSocket):
            connection.unwrap()
            return
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1024):
            pass

"""Connections of the web server: how many there may be, and when the system ends one."""

import resource
import socket
from typing import Final

MOST_CONNECTIONS: Final = 8192
"""Connections that one web process keeps, most of them idle between two requests of a client."""

STALLED_SECONDS: Final = 60
"""For the next bytes of a body, or for room for the next bytes of an answer."""

FILES_PER_CONNECTION: Final = 2  # itself, and the blob that leaves by it
OTHER_FILES: Final = 512  # databases, logs, uploads under way

_BACKLOG = 2048  # connections that wait to be taken
_UNSENT_BYTES = 128 * 1024
_OPTIONS = {
    socket.TCP_USER_TIMEOUT: STALLED_SECONDS * 1000,  # milliseconds
    socket.TCP_NOTSENT_LOWAT: _UNSENT_BYTES,
}


def raise_open_files() -> int:
    """Let this process and its children open as many files as they may; return that number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS * FILES_PER_CONNECTION + OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(soft, most)


def most_connections(open_files: int) -> int:
    """How many connections a process may keep that may open so many files."""
    room = (open_files - OTHER_FILES) // FILES_PER_CONNECTION
    return max(64, min(MOST_CONNECTIONS, room))


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections. Raises ``OSError``.

    Connections inherit its options. Who takes nothing of what was sent loses the connection:
    nobody but the system knows of it once the answer has left the application. And little waits
    in the system that was not even sent: beside a proxy on the same machine that would be
    megabytes for each.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    for option, value in _OPTIONS.items():
        listener.setsockopt(socket.IPPROTO_TCP, option, value)
    return listener

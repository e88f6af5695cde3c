"""Connections of the web server: how many there may be, and when the system ends one."""

import errno
import os
import resource
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from config.front_door.pace import STALLED_SECONDS

MOST_CONNECTIONS: Final = 8192
"""Connections that one web process keeps, most of them idle between two requests of a client."""

FILES_PER_CONNECTION: Final = 2  # itself, and the blob that leaves by it
OTHER_FILES: Final = 512  # databases, logs, uploads under way

_OPEN_FILES = Path("/proc/self/fd")
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


class Listeners:
    """The sockets on which this process listens. The web server makes them, out of our sight."""

    _are_set = False

    def set_up(self) -> None:
        """Tell the system how to treat connections, once there are such sockets (Linux).

        Connections inherit it. Who takes nothing of what was sent loses the connection: nobody
        but the system knows of it once the answer has left the application. And little waits in
        the system that was not even sent: beside a proxy on the same machine that would be
        megabytes for each.
        """
        if self._are_set or not _OPEN_FILES.is_dir():
            return
        for path in _OPEN_FILES.iterdir():
            with suppress(OSError), _socket_at(path) as listener:
                if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    for option, value in _OPTIONS.items():
                        listener.setsockopt(socket.IPPROTO_TCP, option, value)
                    self._are_set = True


listeners: Final = Listeners()


def _socket_at(path: Path) -> socket.socket:
    """Another handle of an open socket. Raises ``OSError`` when there is none at ``path``."""
    if not path.is_socket():
        raise OSError(errno.ENOTSOCK, path)
    return socket.socket(fileno=os.dup(int(path.name)))

"""How many connections there may be, and how the system treats them."""

import resource
import socket
from contextlib import closing

import pytest

from config.web_server.limits import (
    MOST_CONNECTIONS,
    listen,
    most_connections,
    raise_open_files,
)


@pytest.mark.parametrize(
    ("open_files", "connections"), [(1024, 256), (20_000, MOST_CONNECTIONS), (100, 64)]
)
def test_there_are_as_many_connections_as_files_may_be_open(
    open_files: int, connections: int
) -> None:
    assert most_connections(open_files) == connections


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ((1024, 4096), 4096),
        ((1024, 10**6), 2 * MOST_CONNECTIONS + 512),
        ((10**6, 10**6), None),
        ((1024, resource.RLIM_INFINITY), 2 * MOST_CONNECTIONS + 512),
    ],
)
def test_the_limit_of_open_files_is_raised_as_far_as_is_useful(
    limits: tuple[int, int], raised: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_set: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: was_set.append(both))

    assert raise_open_files() == (raised or limits[0])
    assert was_set == ([(raised, limits[1])] if raised else [])


def test_connections_of_a_listener_end_when_nobody_reads() -> None:
    with (
        closing(listen("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        milliseconds = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        unsent = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)

    assert (milliseconds, unsent) == (60_000, 131_072)


def test_an_address_that_is_taken_is_refused() -> None:
    with closing(listen("127.0.0.1", 0)) as listener, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", listener.getsockname()[1])

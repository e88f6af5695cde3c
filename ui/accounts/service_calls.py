"""Asking a service that signs people in: however it answers, it takes little time and memory."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from requests import ConnectionError as NoConnection
from requests import PreparedRequest, ReadTimeout, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

CALL_SECONDS: Final = 10
_SILENCE_SECONDS: Final = 5
LARGEST_ANSWER: Final = 1024 * 1024  # bytes
_REDIRECTS: Final = 3
_PIECE: Final = 64 * 1024

_calls = threading.local()


class AnswerTooLarge(RequestException):
    pass


class ServiceSession(Session):
    """A session of requests whose calls end, each within ``CALL_SECONDS`` and ``LARGEST_ANSWER``.

    The time-out of requests is one for each piece that arrives, and redirects are read whole. A
    redirect is followed only from what carries no secret, and never away from https.
    """

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _WatchedAdapter())

    def request(self, method: str | bytes, url: str | bytes, **asked: Any) -> Response:  # type: ignore[override]
        """Raises ``requests.RequestException``."""
        asked.pop("allow_redirects", None)
        address, may_follow = str(url), method == "GET" and "headers" not in asked
        with _ended_after(CALL_SECONDS):
            for _ in range(_REDIRECTS + 1):
                answer = super().request(
                    str(method),
                    address,
                    **asked,
                    allow_redirects=False,
                    stream=True,
                    timeout=_SILENCE_SECONDS,
                )
                with answer:
                    answer._content = _content_of(answer)
                if not (may_follow and answer.is_redirect):
                    return answer
                address = _next_address(answer)
        raise RequestException(f"{url!r} redirects too often")


class _WatchedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _watched(super()._new_conn())


class _WatchedSecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _watched(super()._new_conn())


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedSecurePool(HTTPSConnectionPool):
    ConnectionCls = _WatchedSecureConnection


class _WatchedAdapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        _watch(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*arguments, **options)
        _watch(manager)
        return manager

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        try:
            return super().send(request, *arguments, **options)
        except RequestException:
            raise
        except (OSError, ValueError) as error:  # of a socket that was shut down, or an odd address
            raise NoConnection(error, request=request) from error


def _watch(manager: Any) -> None:
    manager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedSecurePool}


def _watched(connection: socket.socket) -> socket.socket:
    # TLS takes the socket over; a second name for it is still good to end it.
    _calls.connections.append(connection.dup())
    return connection


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    connections: list[socket.socket] = []
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        for connection in connections:
            # It may have ended by itself.
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    _calls.connections = connections
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except RequestException as error:
        if is_late.is_set():
            raise ReadTimeout(f"no whole answer within {seconds} s") from error
        raise
    finally:
        timer.cancel()
        timer.join()
        for connection in connections:
            connection.close()
    if is_late.is_set():
        raise ReadTimeout(f"no whole answer within {seconds} s")


def _content_of(answer: Response) -> bytes:
    content = bytearray()
    for piece in answer.iter_content(_PIECE):
        content += piece
        if len(content) > LARGEST_ANSWER:
            raise AnswerTooLarge(f"the answer of {answer.url} has more than {LARGEST_ANSWER} bytes")
    return bytes(content)


def _next_address(answer: Response) -> str:
    address = urljoin(answer.url, answer.headers["Location"])
    if urlsplit(answer.url).scheme == "https" and urlsplit(address).scheme != "https":
        raise RequestException(f"{answer.url} redirects away from https")
    return address

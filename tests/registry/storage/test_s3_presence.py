"""A server that falls silent is told soon; one that is slow is waited for."""

import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from registry.storage.base import StorageUnavailable
from registry.storage.s3_bucket import Bucket, connect
from registry.storage.s3_presence import Presence
from tests.s3_server import frozen, running_s3_server

SLOW_SECONDS = 2.5


@pytest.fixture
def refusing() -> Iterator[str]:
    """The address of a server that refuses whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_server_that_falls_silent_is_told_soon_and_asked_again_soon(tmp_path: Path) -> None:
    with running_s3_server(tmp_path / "s3") as server:
        bucket = Bucket(connect(**server.parameters()))
        bucket.put("a", b"content")
        with frozen(server):
            first, later = _seconds_until_told(bucket), _seconds_until_told(bucket)
        assert _seconds_until_found(bucket) < 8

    assert first < 12  # without the watch it is a minute
    assert later < 6


def test_a_request_that_takes_long_is_waited_for_while_the_server_answers(refusing: str) -> None:
    def slow() -> str:
        time.sleep(SLOW_SECONDS)
        return "done"

    assert Presence(refusing).wait_for(slow) == "done"


def test_what_a_request_raises_is_raised() -> None:
    def failing() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        Presence("http://127.0.0.1:1").wait_for(failing)


def _seconds_until_told(bucket: Bucket) -> float:
    began = time.monotonic()
    with pytest.raises(StorageUnavailable, match="try again"):
        bucket.size("a")
    return time.monotonic() - began


def _seconds_until_found(bucket: Bucket) -> float:
    began = time.monotonic()
    while time.monotonic() - began < 10:
        with suppress(StorageUnavailable):
            bucket.size("a")
            break
        time.sleep(0.05)
    return time.monotonic() - began

"""Where a request ends, HTTP/1.1 leaves no doubt (RFC 9112): no second one hides in a first."""

import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.serving.processes import ROOT_CERTIFICATE, ServedCertificate
from config.serving.tls import ensure_certificate
from tests.live import ROOT, free_port

CLOSE = b"Connection: close\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(None) as port:
        yield port


@contextmanager
def running(served: ServedCertificate | None) -> Iterator[int]:
    """The web server as Berth starts it, with an application that says what it got."""
    port = free_port()
    files = [str(served.certificate), str(served.key)] if served else []
    command = [sys.executable, "-m", "tests.system.echo", str(port), *files]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def ask(port: int, content: bytes) -> tuple[list[int], bytes]:
    """Send bytes; return the statuses of the answers, and the answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        got = b""
        try:
            connection.sendall(content)
            while some := connection.recv(65536):
                got += some
        except ConnectionError:
            pass  # the server said no and hung up
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", got)], got


def post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /first HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n" + body


REFUSED = {
    "two lengths": post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"AAAAAA"),
    "a list of lengths": post(b"Content-Length: 5, 5\r\n", b"AAAAA"),
    "a length with a sign": post(b"Content-Length: +5\r\n", b"AAAAA"),
    "a negative length": post(b"Content-Length: -1\r\n"),
    "a length beyond all numbers": post(b"Content-Length: 99999999999999999999999\r\n"),
    "the same length twice": post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"AAAAA"),
    "a length beside chunks": post(CHUNKED + b"Content-Length: 6\r\n", b"5\r\nAAAAA\r\n" + END),
    "chunks beside a length": post(b"Content-Length: 4\r\n" + CHUNKED, b"5\r\nAAAAA\r\n" + END),
    "a length behind chunks": post(CHUNKED, b"5\r\nAAAAA\r\n0\r\nContent-Length: 9\r\n\r\n"),
    "an unknown coding": post(b"Transfer-Encoding: xchunked\r\n", END),
    "a coding that is not last": post(b"Transfer-Encoding: chunked, identity\r\n", END),
    "a blank before the colon": post(b"Transfer-Encoding : chunked\r\n", END),
    "a folded header": post(b"X: a\r\n b\r\n"),
    "a bare CR": post(b"X: a\rY: b\r\n"),
    "NUL": post(b"X: a\x00b\r\n"),
    "chunks in HTTP/1.0": post(CHUNKED, END).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "no size of a chunk": post(CHUNKED, b"zz\r\nabc\r\n" + END),
    "a size in another form": post(CHUNKED, b"0x3\r\nabc\r\n" + END),
    "a negative size": post(CHUNKED, b"-1\r\nabc\r\n" + END),
    "chunks that end in LF": post(CHUNKED, b"3\nabc\n0\n\n"),
    "more than the chunk has": post(CHUNKED, b"3\r\nabcd\r\n" + END),
    "a last chunk of another kind": post(CHUNKED, b"3\r\nabc\r\n00x\r\n\r\n"),
    "a last chunk with a tail": post(CHUNKED, b"3\r\nabc\r\n0\r\nX\r\n\r\n"),
    "a last chunk that is none": post(CHUNKED, b"3\r\nabc\r\n0\rX\r\n\r\n"),
    "LF in an extension": post(CHUNKED, b"3;a\nb\r\nabc\r\n" + END),
    "an extension without end": post(CHUNKED, b"3;" + b"a" * 1_000_000 + b"\r\nabc\r\n" + END),
    "extensions without end": post(CHUNKED, (b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 100 + END),
    "trailers without end": post(CHUNKED, b"0\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_whose_end_is_in_doubt_is_refused_with_all_behind_it(
    name: str, port: int
) -> None:
    statuses, got = ask(port, REFUSED[name] + HIDDEN)

    assert set(statuses) <= {400}
    assert len(statuses) <= 1
    assert b"hidden" not in got


UNDERSTOOD = {
    "a length": post(b"Content-Length: 5\r\n", b"AAAAA"),
    "chunks": post(CHUNKED, b"2\r\nAA\r\n3\r\nAAA\r\n" + END),
    "chunks after a tab": post(b"Transfer-Encoding:\tchunked\r\n", b"5\r\nAAAAA\r\n" + END),
    "a chunk with an extension": post(CHUNKED, b"5;a=b\r\nAAAAA\r\n" + END),
    "trailers": post(CHUNKED, b"5\r\nAAAAA\r\n0\r\nX-Digest: 9\r\n\r\n"),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_what_comes_behind_a_whole_request_is_the_next(name: str, port: int) -> None:
    statuses, got = ask(port, UNDERSTOOD[name] + HIDDEN)

    assert statuses == [200, 200]
    assert b'"body": "AAAAA"' in got


def test_a_hundred_headers_are_taken_and_no_more(port: int) -> None:
    lines = [b"X%d: a\r\n" % number for number in range(120)]

    assert ask(port, post(CLOSE + b"".join(lines[:98])))[0] == [200]
    assert ask(port, post(b"".join(lines)))[0] == [431]


def test_headers_have_a_size(port: int) -> None:
    assert ask(port, post(CLOSE + b"X: " + b"a" * 32_000 + b"\r\n"))[0] == [200]
    assert ask(port, post(b"X: " + b"a" * 900_000 + b"\r\n"))[0] in ([431], [])


def test_other_protocols_are_not_spoken(port: int) -> None:
    assert ask(port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")[0] == [400]
    upgrade = (
        b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n"
    )

    assert ask(port, post(upgrade))[0] == [200]


CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.mark.parametrize("sent", [b"", CLIENT_HELLO], ids=["silent", "half a greeting"])
def test_handshakes_that_never_end_hold_nobody_up(sent: bytes, tmp_path: Path) -> None:
    served = ensure_certificate(data=tmp_path, names=["127.0.0.1"], now=datetime.now(UTC))
    trusting = ssl.create_default_context(cafile=str(tmp_path / ROOT_CERTIFICATE))
    with running(served) as port, ExitStack() as stack:
        for _ in range(300):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            stack.enter_context(connection).sendall(sent)

        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            connection.sendall(HIDDEN)
            assert connection.recv(12) == b"HTTP/1.1 200"

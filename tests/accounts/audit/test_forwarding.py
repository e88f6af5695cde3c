"""Events of the audit log are told to another place, whatever happens to it meanwhile."""

import json
import logging
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.audit import forwarding
from accounts.audit.destinations import DestinationInvalid, Way, parse_destination
from accounts.audit.forwarding import NotForwarded, forward_events
from accounts.audit.models import AuditEvent
from accounts.audit.rotation import rotate_log
from accounts.audit.services import Actor, record
from accounts.audit.sightings import flush_sightings, notice
from accounts.audit.tasks import forward
from config.keys.configuration import Configuration
from config.serving.tls import ensure_certificate
from tests.receiver import Receiver
from tests.registry.builders import NOW

pytestmark = pytest.mark.django_db


def event(target: str = "acme/web:v1", at: datetime = NOW) -> AuditEvent:
    return record(actor="ada", action="tag.move", target=target, now=at, address="192.0.2.1", a=1)


def waiting() -> list[str]:
    return list(AuditEvent.objects.filter(to_forward=True).values_list("target", flat=True))


class Listener:
    """A syslog server on this machine: what one client sent until it closed, or one datagram."""

    def __init__(self, opened: socket.socket, context: ssl.SSLContext | None) -> None:
        self._opened, self._context = opened, context
        self.port = opened.getsockname()[1]
        self.heard = b""

    def run(self) -> None:
        if self._opened.type == socket.SOCK_DGRAM:
            self.heard = self._opened.recv(65536)
            return
        client, _ = self._opened.accept()
        if self._context:
            client = self._context.wrap_socket(client, server_side=True)
        with client:
            while piece := client.recv(65536):
                self.heard += piece


@contextmanager
def listening(kind: int, context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    with socket.socket(socket.AF_INET, kind) as opened:
        opened.settimeout(20)
        opened.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            opened.listen()
        listener = Listener(opened, context)
        thread = threading.Thread(target=listener.run)
        thread.start()
        try:
            yield listener
        finally:
            thread.join()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with Receiver().listening() as receiver:
        settings.ACTION_LOG_FORWARD_TO = f"{receiver.url}/events"
        yield receiver


def test_an_address_gets_a_line_of_json_for_each_event(receiver: Receiver) -> None:
    first, second = event("acme/web:v1"), event("größe\n\u2028")

    assert forward_events() == 2

    assert receiver.heard == ["POST /events HTTP/1.1"]
    assert receiver.headers[0]["Content-Type"] == "application/x-ndjson"
    assert "Authorization" not in receiver.headers[0]
    assert [json.loads(line) for line in receiver.bodies[0].decode("ascii").splitlines()] == [
        {
            "id": one.pk,
            "at": NOW.isoformat(),
            "actor": "ada",
            "action": "tag.move",
            "target": one.target,
            "namespace": one.namespace,
            "repository": one.repository,
            "address": "192.0.2.1",
            "detail": {"a": 1},
        }
        for one in (first, second)
    ]


def test_an_address_is_told_the_token(receiver: Receiver, settings: Any) -> None:
    settings.ACTION_LOG_FORWARD_TOKEN = "secret-of-the-collector"
    event()

    forward_events()

    assert receiver.headers[0]["Authorization"] == "Bearer secret-of-the-collector"


def test_no_token_goes_over_http_where_that_is_not_allowed(
    receiver: Receiver, settings: Any
) -> None:
    settings.ACTION_LOG_FORWARD_TOKEN = "secret-of-the-collector"
    settings.OUTGOING_ALLOW_HTTP = False
    event("waits")

    with pytest.raises(NotForwarded, match="does not take them"):
        forward_events()
    assert receiver.heard == []


def test_what_has_arrived_is_not_told_again(receiver: Receiver) -> None:
    event()

    assert (forward_events(), forward_events()) == (1, 0)
    assert len(receiver.heard) == 1
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize("status", [302, 404, 503])
def test_what_was_refused_waits_and_is_told_later(receiver: Receiver, status: int) -> None:
    def refuse(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    well, receiver.answer = receiver.answer, refuse
    event("waits")

    with pytest.raises(NotForwarded, match=f"answered {status}"):
        forward_events()
    assert waiting() == ["waits"]

    receiver.answer = well
    assert forward_events() == 1
    assert waiting() == []


def test_where_nobody_listens_events_wait_and_the_log_says_so(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.ACTION_LOG_FORWARD_TO = f"syslog+tcp://127.0.0.1:{closed.getsockname()[1]}"
        event("waits")

        with caplog.at_level(logging.WARNING):
            forward(a_newer_argument=1)

    assert waiting() == ["waits"]
    assert "events of the audit log wait to be forwarded" in caplog.text


@pytest.mark.parametrize("way", [Way.UDP, Way.TCP, Way.TLS])
def test_a_name_that_stands_for_nothing_keeps_events_waiting(settings: Any, way: Way) -> None:
    settings.ACTION_LOG_FORWARD_TO = f"{way}://nobody.invalid"
    event("waits")

    with pytest.raises(NotForwarded, match=r"nobody\.invalid"):
        forward_events()
    assert waiting() == ["waits"]


def test_what_does_not_fit_into_one_batch_comes_in_several(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "BATCH_ROWS", 2)
    monkeypatch.setattr("accounts.audit.tasks.MOST_FORWARDED", 2)
    for number in range(5):
        event(f"number {number}")

    forward()

    lines = b"".join(receiver.bodies).decode().splitlines()
    assert [json.loads(line)["target"] for line in lines] == [f"number {n}" for n in range(5)]
    assert len(receiver.bodies) == 3


def test_events_that_any_request_brings_about_are_told_too(receiver: Receiver) -> None:
    notice(Actor("ada"), "user.login", "ada", once_in=timedelta(hours=1), now=NOW)
    flush_sightings()

    assert forward_events() == 1


def test_without_the_key_nothing_waits(settings: Any) -> None:
    event()

    assert waiting() == []
    assert forward_events() == 0


def test_events_that_wait_are_not_rotated(receiver: Receiver) -> None:
    event("old", at=NOW - timedelta(days=40))

    assert rotate_log(now=NOW, older_than=timedelta(days=30), archive=None) == 0
    forward_events()
    assert rotate_log(now=NOW, older_than=timedelta(days=30), archive=None) == 1


def test_they_are_rotated_once_nobody_is_to_be_told(receiver: Receiver, settings: Any) -> None:
    event("old", at=NOW - timedelta(days=40))
    settings.ACTION_LOG_FORWARD_TO = ""

    assert rotate_log(now=NOW, older_than=timedelta(days=30), archive=None) == 1


def test_standard_output_gets_lines_of_json(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ACTION_LOG_FORWARD_TO = "stdout"
    event()

    forward_events()

    assert json.loads(capsys.readouterr().out)["target"] == "acme/web:v1"


MESSAGE = re.compile(
    rb"<110>1 2[0-9]{3}-[0-9T:.-]+\+00:00 berth\.example berth - tag\.move - (\{.*\})"
)


def told(message: bytes) -> str:
    found = MESSAGE.fullmatch(message)
    assert found, message
    target: str = json.loads(found[1])["target"]
    return target


def test_a_datagram_of_syslog_is_an_event(settings: Any) -> None:
    settings.SERVER_HOSTNAME = "berth.example"
    with listening(socket.SOCK_DGRAM) as listener:
        settings.ACTION_LOG_FORWARD_TO = f"syslog+udp://127.0.0.1:{listener.port}"
        event("größe")
        assert forward_events() == 1

    assert told(listener.heard) == "größe"


def framed(stream: bytes) -> Iterator[bytes]:
    """Messages behind their lengths (RFC 6587, 3.4.1)."""
    while stream:
        length, _, stream = stream.partition(b" ")
        yield stream[: int(length)]
        stream = stream[int(length) :]


def test_a_connection_of_syslog_counts_the_bytes_of_each_event(settings: Any) -> None:
    settings.SERVER_HOSTNAME = "berth.example"
    with listening(socket.SOCK_STREAM) as listener:
        settings.ACTION_LOG_FORWARD_TO = f"syslog+tcp://127.0.0.1:{listener.port}"
        event("one")
        event("two")
        assert forward_events() == 2

    assert [told(message) for message in framed(listener.heard)] == ["one", "two"]


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """That of a server for 127.0.0.1, whose root is ``tmp_path / "root.crt"``."""
    served = ensure_certificate(data=tmp_path, names=["127.0.0.1"], now=datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served.certificate, served.key)
    root = served.certificate.read_text().split("-----BEGIN")[2]
    (tmp_path / "root.crt").write_text(f"-----BEGIN{root}")
    return context


def test_syslog_over_tls(
    settings: Any, context: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.crt"))
    settings.SERVER_HOSTNAME = "berth.example"
    with listening(socket.SOCK_STREAM, context) as listener:
        settings.ACTION_LOG_FORWARD_TO = f"syslog+tls://127.0.0.1:{listener.port}"
        event("sealed")
        assert forward_events() == 1

    assert [told(message) for message in framed(listener.heard)] == ["sealed"]


def test_a_server_of_syslog_whose_certificate_nobody_trusts_is_told_nothing(
    settings: Any, context: ssl.SSLContext
) -> None:
    class Refused(Listener):
        def run(self) -> None:
            with pytest.raises(ssl.SSLError):
                super().run()

    with socket.socket() as opened:
        opened.settimeout(20)
        opened.bind(("127.0.0.1", 0))
        opened.listen()
        listener = Refused(opened, context)
        thread = threading.Thread(target=listener.run)
        thread.start()
        settings.ACTION_LOG_FORWARD_TO = f"syslog+tls://127.0.0.1:{listener.port}"
        event("waits")
        with pytest.raises(NotForwarded, match="certificate verify failed"):
            forward_events()
        thread.join()

    assert listener.heard == b""
    assert waiting() == ["waits"]


@pytest.mark.parametrize(
    ("text", "way", "port"),
    [
        ("stdout", Way.STDOUT, 0),
        ("https://logs.example.com/in?source=berth", Way.HTTPS, 0),
        ("http://10.0.0.7:8080/", Way.HTTP, 0),
        ("syslog+udp://logs.example.com", Way.UDP, 514),
        ("syslog+tcp://logs.example.com", Way.TCP, 601),
        ("syslog+tls://logs.example.com/", Way.TLS, 6514),
        ("syslog+tls://[2001:db8::1]:7000", Way.TLS, 7000),
    ],
)
def test_a_destination_is_one_of_these(text: str, way: Way, port: int) -> None:
    found = parse_destination(text)

    assert (found.way, found.port, found.url) == (way, port, text)


@pytest.mark.parametrize(
    "text",
    [
        "STDOUT",
        "stdout ",
        "logs.example.com:514",
        "syslog://logs.example.com",
        "syslog+udp://",
        "syslog+udp://logs.example.com:0",
        "syslog+udp://logs.example.com:66000",
        "syslog+udp://logs.example.com/path",
        "https://user:password@logs.example.com/",
        "https://logs.example.com/a b",
        "https://logs.example.com/\n",
        "ftp://logs.example.com",
        "https://[::1",
        "https://" + "a" * 2000,
    ],
)
def test_anything_else_is_refused_when_the_configuration_is_read(text: str) -> None:
    with pytest.raises(DestinationInvalid):
        parse_destination(text)
    with pytest.raises(ValueError, match="stdout, https://HOST/PATH"):
        Configuration.model_validate({"ACTION_LOG_FORWARD_TO": text})

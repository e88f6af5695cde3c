"""Mail is handed to a mail server over real sockets, whatever that answers."""

import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.mail import delivery
from accounts.mail.models import OutgoingMail
from accounts.mail.services import post
from accounts.mail.tasks import send_batch
from config.serving.processes import ROOT_CERTIFICATE
from config.serving.tls import ensure_certificate
from tests.live import free_port
from tests.mail_server import MailServer, Script, mail_server

pytestmark = pytest.mark.django_db

SECONDS = 0.5


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation lasts no longer than ``SECONDS`` here."""
    monkeypatch.setattr(delivery, "CONVERSATION_SECONDS", SECONDS)


@pytest.fixture(autouse=True)
def _delivery(settings: Settings) -> None:
    settings.MAIL_DELIVERY_BACKEND = "accounts.mail.delivery.Delivery"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.DEFAULT_FROM_EMAIL = "berth@registry.example"


@pytest.fixture
def encryption(tmp_path: Path) -> ssl.SSLContext:
    """Of a server, by a certificate that nobody trusts."""
    made = ensure_certificate(data=tmp_path, names=["127.0.0.1"], now=datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return context


@pytest.fixture
def trusted(encryption: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / ROOT_CERTIFICATE))


@pytest.fixture
def ask(settings: Settings, now: datetime) -> Callable[[Script], MailServer]:
    """Have a server that behaves as its script says take one mail."""

    def send_to(script: Script) -> MailServer:
        with mail_server(script) as server:
            settings.EMAIL_PORT = server.port
            post(recipient="alice@example.com", subject="A code", body="It is 1", now=now)
            send_batch(now=now, limit=1)
        return server

    return send_to


Ask = Callable[[Script], MailServer]


def waits() -> bool:
    """Whether the mail is tried again, instead of sent or given up."""
    return OutgoingMail.objects.exists()


def drips(connection: socket.socket) -> None:
    """A byte from time to time, and never a line."""
    for _ in range(200):
        connection.sendall(b"2")
        time.sleep(0.05)


def pours(connection: socket.socket) -> None:
    """A reply that never ends."""
    while True:
        connection.sendall(b"250-and so on\r\n" * 1000)


def is_silent(connection: socket.socket) -> None:
    connection.settimeout(5)
    connection.recv(1)  # until the other side hangs up


def hangs_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def test_a_mail_reaches_the_server_whole(ask: Ask) -> None:
    server = ask(Script())

    (mail,) = server.mails
    assert b"To: alice@example.com\r\n" in mail
    assert b"From: berth@registry.example\r\n" in mail
    assert b"Subject: A code\r\n" in mail
    assert mail.endswith(b"\r\n\r\nIt is 1\r\n")
    assert not waits()


def test_starttls_comes_before_the_mail(
    settings: Settings, trusted: None, encryption: ssl.SSLContext, ask: Ask
) -> None:
    settings.EMAIL_USE_TLS = True

    server = ask(Script(features=(b"STARTTLS",), tls=encryption))

    assert server.encrypted == [True]
    assert not waits()


def test_on_the_port_for_it_all_is_encrypted(
    settings: Settings, trusted: None, encryption: ssl.SSLContext, ask: Ask
) -> None:
    settings.EMAIL_USE_SSL = True

    server = ask(Script(tls=encryption, is_encrypted_at_once=True))

    assert server.encrypted == [True]


@pytest.mark.parametrize("key", ["EMAIL_USE_TLS", "EMAIL_USE_SSL"])
def test_a_certificate_that_nobody_trusts_gets_no_mail_and_no_password(
    settings: Settings, encryption: ssl.SSLContext, key: str, ask: Ask
) -> None:
    setattr(settings, key, True)
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "berth", "secret"
    at_once = key == "EMAIL_USE_SSL"

    server = ask(
        Script(features=(b"STARTTLS", b"AUTH PLAIN"), tls=encryption, is_encrypted_at_once=at_once)
    )

    assert server.mails == []
    assert "AUTH" not in server.verbs
    assert waits()


@pytest.mark.parametrize(
    "script",
    [
        Script(features=(b"AUTH PLAIN",)),
        Script(features=(b"STARTTLS", b"AUTH PLAIN"), answers={"STARTTLS": b"454 not now"}),
        Script(features=(b"STARTTLS", b"AUTH PLAIN"), answers={"STARTTLS": b"220 go on\r\n220 x"}),
    ],
    ids=["not offered", "refused", "nonsense"],
)
def test_without_the_encryption_that_is_asked_for_there_is_no_mail_and_no_password(
    settings: Settings, script: Script, ask: Ask
) -> None:
    settings.EMAIL_USE_TLS = True
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "berth", "secret"

    server = ask(script)

    assert server.mails == []
    assert "AUTH" not in server.verbs
    assert waits()


def test_what_is_said_before_the_encryption_is_forgotten(
    settings: Settings, trusted: None, encryption: ssl.SSLContext, ask: Ask
) -> None:
    settings.EMAIL_USE_TLS = True
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "berth", "secret"

    def inject(connection: socket.socket) -> None:
        connection.sendall(b"220 go on\r\n250 AUTH PLAIN\r\n")

    server = ask(Script(features=(b"STARTTLS",), answers={"STARTTLS": inject}, tls=encryption))

    assert "AUTH" not in server.verbs
    assert server.mails == []


@pytest.mark.parametrize(
    ("answers", "tried_again"),
    [
        ({"RCPT": b"550 5.1.1 no such person"}, False),
        ({"RCPT": b"451 4.7.1 come again later"}, True),
        ({"RCPT": b"452 too many"}, True),
        ({"MAIL": b"421 closing"}, True),
        ({"MAIL": b"530 5.7.0 log in first"}, True),
        ({"DATA": b"554 no"}, True),
        ({".": b"451 the disk is full"}, True),
        ({".": b"\xff\xfe"}, True),
        ({"EHLO": b"502 what", "HELO": b"502 what"}, True),
        ({"EHLO": b"502 what"}, False),
        ({"RCPT": b"250"}, False),
        ({"QUIT": b"\xff" * 9000}, False),
    ],
)
def test_what_the_server_refuses_for_now_is_tried_again(
    answers: dict[str, bytes], tried_again: bool, ask: Ask
) -> None:
    ask(Script(answers=dict(answers)))

    assert waits() is tried_again


@pytest.mark.parametrize(
    "greeting", [b"", b"554 no", b"HTTP/1.1 400 Bad Request", b"\x00\xff" * 50]
)
def test_a_server_of_another_kind_gets_no_mail(greeting: bytes, ask: Ask) -> None:
    server = ask(Script(greeting=greeting))

    assert server.mails == []
    assert waits()


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "."])
@pytest.mark.parametrize("how", [drips, pours, is_silent, hangs_up])
def test_a_conversation_ends_however_the_server_goes_on(
    hasty: None, how: Callable[[socket.socket], None], step: str, ask: Ask
) -> None:
    script = Script(greeting=how) if step == "greeting" else Script(answers={step: how})
    begun = time.monotonic()

    ask(script)

    assert waits()
    assert time.monotonic() - begun < 20 * SECONDS


@pytest.mark.parametrize("how", [drips, pours, is_silent, hangs_up])
def test_a_mail_that_was_taken_is_not_sent_again(
    hasty: None, how: Callable[[socket.socket], None], ask: Ask
) -> None:
    server = ask(Script(answers={"QUIT": how}))

    assert len(server.mails) == 1
    assert not waits()


def test_where_nobody_listens_it_is_tried_again(settings: Settings, now: datetime) -> None:
    settings.EMAIL_PORT = free_port()
    post(recipient="alice@example.com", subject="A code", body="It is 1", now=now)

    assert send_batch(now=now, limit=1) == 1

    assert waits()


def test_no_line_of_a_mail_is_a_command(settings: Settings, now: datetime) -> None:
    body = ".\r\nMAIL FROM:<x@example.com>\r\n.\r\nQUIT\r\n"
    with mail_server() as server:
        settings.EMAIL_PORT = server.port
        post(recipient="alice@example.com", subject="A", body=body, now=now)
        post(recipient="a@b\r\nRCPT TO:<x@example.com>", subject="A", body="B", now=now)
        send_batch(now=now, limit=2)

    assert len(server.mails) == 1
    assert server.verbs.count("RCPT") == 1
    assert b"\r\n..\r\nMAIL FROM" in server.mails[0]

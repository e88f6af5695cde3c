"""The doctor names what is wrong and the cure."""

import resource
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.mail import delivery
from config.serving.doctor import Finding, examine
from config.serving.tls import ensure_certificate
from registry.queue.models import Message
from registry.statistics.models import ServerProcess
from tests.mail_server import Script, mail_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def finding(name: str, now: datetime) -> Finding:
    return next(finding for finding in examine(now=now) if finding.name == name)


def test_storage_in_a_place_that_is_no_folder(
    settings: Settings, tmp_path: Path, now: datetime
) -> None:
    (tmp_path / "file").touch()
    settings.BLOB_STORE_ROOT = tmp_path / "file" / "blobs"

    found = finding("storage", now)

    assert not found.is_fine
    assert "cannot be written" in found.text
    assert "DISTRIBUTED_STORAGE_CONFIG" in found.cure


def test_jobs_that_were_given_up(now: datetime) -> None:
    Message.objects.create(queue="celery", body="{}", is_parked=True)

    found = finding("broker", now)

    assert found.text == "1 jobs were given up after several attempts"
    assert not found.is_fine


def test_a_broker_that_does_not_answer(settings: Settings, tmp_path: Path, now: datetime) -> None:
    settings.BROKER_URL = f"redis+socket://{tmp_path}/absent"

    assert not finding("broker", now).is_fine


def test_a_missing_signing_key(now: datetime) -> None:
    found = finding("signing key", now)

    assert not found.is_fine
    assert found.text == "there is none"


@pytest.mark.parametrize(
    ("host", "is_fine"),
    [("localhost:8080", True), ("127.0.0.1", True), ("absent.invalid", False)],
)
def test_a_host_name_must_resolve(
    settings: Settings, now: datetime, host: str, is_fine: bool
) -> None:
    settings.SERVER_HOSTNAME = host

    assert finding("host name", now).is_fine is is_fine


def seen(now: datetime, host: str) -> None:
    ServerProcess.objects.create(
        name="web:1", kind="web", version="1", started_at=now, seen_at=now, refused_host=host
    )


def test_a_name_that_is_refused_is_told_when_none_is_set(now: datetime) -> None:
    assert finding("host name", now).is_fine
    seen(now, "registry.example.com")

    found = finding("host name", now)

    assert not found.is_fine
    assert found.text.startswith("a request for registry.example.com was refused")
    assert "SERVER_HOSTNAME" in found.cure


def test_a_foreign_name_is_no_trouble_once_names_are_set(settings: Settings, now: datetime) -> None:
    seen(now, "scanned.example")
    settings.SERVER_HOSTNAME = "localhost"

    found = finding("host name", now)

    assert found.is_fine
    assert "scanned.example was asked for and refused" in found.text


def test_a_host_name_must_be_in_the_certificate(
    settings: Settings, tmp_path: Path, now: datetime
) -> None:
    settings.DATA_DIR = tmp_path
    settings.SERVER_HOSTNAME = "localhost"
    ensure_certificate(data=tmp_path, names=["registry.example.com"], now=now)

    found = finding("host name", now)

    assert "is not for localhost" in found.text


def test_too_few_open_files(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))

    found = finding("connections", now)

    assert not found.is_fine
    assert "at most 256 connections" in found.text
    assert "LimitNOFILE" in found.cure


def test_enough_open_files(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (65536, 65536))

    assert finding("connections", now).is_fine


# --- Mail ----------------------------------------------------------------------------------------


def sent_to(settings: Settings, port: int, **more: Any) -> None:
    settings.FEATURE_MAILING = True
    settings.MAIL_SERVER = settings.EMAIL_HOST = more.pop("host", "127.0.0.1")
    settings.MAIL_PORT = settings.EMAIL_PORT = port
    settings.MAIL_USE_TLS = settings.EMAIL_USE_TLS = more.pop("tls", False)
    settings.MAIL_USERNAME = settings.EMAIL_HOST_USER = more.pop("username", "")
    settings.MAIL_PASSWORD = settings.EMAIL_HOST_PASSWORD = "hidden" if more.pop("login", 0) else ""


def test_where_no_mail_is_sent_no_server_is_asked(settings: Settings, now: datetime) -> None:
    settings.FEATURE_MAILING = False

    found = finding("mail", now)

    assert (found.is_fine, found.text) == (True, "none is sent, since FEATURE_MAILING is false")


def test_a_mail_server_that_takes_mail(settings: Settings, now: datetime) -> None:
    with mail_server() as server:
        sent_to(settings, server.port)
        found = finding("mail", now)

    assert found.is_fine
    assert found.text == f"127.0.0.1:{server.port} answers, not encrypted, no login"
    assert server.mails == []


def test_a_mail_server_that_takes_the_login(settings: Settings, now: datetime) -> None:
    script = Script(features=(b"AUTH PLAIN",), answers={"AUTH": b"235 welcome"})
    with mail_server(script) as server:
        sent_to(settings, server.port, username="berth", login=True)
        found = finding("mail", now)

    assert found.is_fine
    assert "the login of berth is right" in found.text


def test_a_mail_server_that_refuses_the_login(settings: Settings, now: datetime) -> None:
    script = Script(features=(b"AUTH PLAIN",), answers={"AUTH": b"535 5.7.8 no such user"})
    with mail_server(script) as server:
        sent_to(settings, server.port, username="berth", login=True)
        found = finding("mail", now)

    assert not found.is_fine
    assert "refuses the login of berth" in found.text
    assert "no such user" in found.text
    assert "hidden" not in found.text
    assert found.cure == "Correct MAIL_USERNAME and MAIL_PASSWORD."


def test_a_mail_server_without_the_encryption_that_is_asked_for(
    settings: Settings, now: datetime
) -> None:
    with mail_server() as server:
        sent_to(settings, server.port, tls=True)
        found = finding("mail", now)

    assert not found.is_fine
    assert "does not offer what is configured: STARTTLS" in found.text


def test_a_mail_server_whose_certificate_is_not_trusted(
    settings: Settings, tmp_path: Path, now: datetime
) -> None:
    served = ensure_certificate(data=tmp_path, names=["localhost"], now=now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served.certificate, served.key)
    with mail_server(Script(features=(b"STARTTLS",), tls=context)) as server:
        sent_to(settings, server.port, host="localhost", tls=True)
        found = finding("mail", now)

    assert not found.is_fine
    assert "cannot be spoken to in TLS" in found.text
    assert "SSL_CERT_FILE" in found.cure


def test_a_mail_server_that_says_nothing_is_left_in_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    monkeypatch.setattr(delivery, "TRIAL_SECONDS", 0.2)
    with mail_server(Script(greeting=lambda _: time.sleep(1))) as server:
        sent_to(settings, server.port)
        begun = time.monotonic()
        found = finding("mail", now)
        took = time.monotonic() - begun

    assert not found.is_fine
    assert "does not answer as a mail server" in found.text
    assert took < 10


def test_a_mail_server_that_is_not_there(settings: Settings, now: datetime) -> None:
    with mail_server() as server:
        pass
    sent_to(settings, server.port)

    found = finding("mail", now)

    assert not found.is_fine
    assert "does not answer as a mail server: [Errno 111] Connection refused" in found.text


def test_a_mail_server_whose_name_nobody_knows(settings: Settings, now: datetime) -> None:
    sent_to(settings, 25, host="mail.invalid")

    assert finding("mail", now).text == "mail.invalid:25 does not resolve"

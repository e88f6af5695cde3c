"""The doctor names what is wrong and the cure."""

import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from config.serving.doctor import Finding, examine
from config.serving.tls import ensure_certificate
from registry.queue.models import Message
from registry.statistics.models import ServerProcess

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

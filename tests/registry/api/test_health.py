"""What load balancers, clusters and monitors are told."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from accounts.credentials.keys import forget_cached_keys, signing_key
from accounts.credentials.models import SigningKey
from registry.api import health
from registry.statistics import readiness
from registry.statistics.readiness import Readiness

pytestmark = pytest.mark.django_db

READY = ["/readyz", "/healthz"]
QUAY = ["/health/instance", "/health/endtoend"]


@pytest.fixture(autouse=True)
def _fresh_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "readiness", Readiness())
    monkeypatch.setattr(readiness, "_migrated", Event())


@pytest.fixture
def broken_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("connection refused to db.internal")

    monkeypatch.setattr(connection, "cursor", refuse)
    monkeypatch.setattr(connection, "ensure_connection", refuse)
    yield
    monkeypatch.undo()


@pytest.mark.parametrize("path", READY)
def test_a_registry_that_works_is_ready(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == HTTPStatus.OK
    parts = ("database", "migrations", "storage", "signing_key")
    assert response.json() == {"status": "ok", "checks": dict.fromkeys(parts, "ok")}


@pytest.mark.parametrize("path", QUAY)
def test_quays_probes_are_answered_in_quays_shape(client: Client, path: str) -> None:
    services = {"database": True, "storage": True, "service_key": True}

    assert client.get(path).json() == {"data": {"services": services}, "status_code": 200}


@pytest.mark.parametrize("path", READY + QUAY)
def test_without_its_database_a_registry_is_not_ready(
    client: Client, broken_database: None, path: str
) -> None:
    assert client.get(path).status_code == HTTPStatus.SERVICE_UNAVAILABLE


def test_why_a_part_fails_is_in_the_log_and_not_told(
    client: Client, broken_database: None, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/readyz")

    assert answer.json()["checks"]["database"] == "unavailable"
    assert "db.internal" not in answer.content.decode()
    assert "not ready: database: connection refused to db.internal" in caplog.text


def test_a_store_that_cannot_be_written_makes_a_registry_unready(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    place = tmp_path / "blobs"
    place.write_text("a file, and no folder")
    settings.DISTRIBUTED_STORAGE_CONFIG = {"default": ["LocalStorage", {"storage_path": place}]}

    checks = client.get("/readyz").json()["checks"]

    assert checks == {"database": "ok", "migrations": "ok", "storage": "unavailable"} | {
        "signing_key": "ok"
    }


def test_a_database_that_lacks_a_migration_makes_a_registry_unready(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations)"
        )

    assert client.get("/readyz").json()["checks"]["migrations"] == "unavailable"


def test_keys_of_another_secret_make_a_registry_unready(client: Client, settings: Any) -> None:
    signing_key(now=timezone.now())
    SigningKey.objects.update(private_key="sealed under another key")
    forget_cached_keys()

    assert client.get("/readyz").json()["checks"]["signing_key"] == "unavailable"


def test_a_second_probe_within_a_second_asks_nothing(
    client: Client, django_assert_num_queries: Any
) -> None:
    client.get("/readyz")
    with django_assert_num_queries(0):
        client.get("/readyz")


def test_life_asks_nothing(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/livez").json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/livez", *READY, *QUAY])
def test_probes_come_by_address_and_are_not_kept(client: Client, settings: Any, path: str) -> None:
    settings.SERVED_HOSTS = ["registry.example.com"]

    response = client.get(path, HTTP_HOST="10.1.2.3:8080")

    assert (response.status_code, response["Cache-Control"]) == (HTTPStatus.OK, "no-store")


@pytest.fixture
def draining(settings: Any, tmp_path: Path) -> None:
    settings.DRAINING_FILE = tmp_path / "draining"
    settings.DRAINING_FILE.touch()


@pytest.mark.parametrize("path", READY + QUAY)
def test_who_is_about_to_end_wants_no_more_requests(
    client: Client, draining: None, path: str
) -> None:
    assert client.get(path).status_code == HTTPStatus.SERVICE_UNAVAILABLE


def test_who_is_about_to_end_says_so_and_that_its_parts_work(
    client: Client, draining: None
) -> None:
    answer = client.get("/readyz").json()

    assert (answer["status"], set(answer["checks"].values())) == ("draining", {"ok"})


def test_who_is_about_to_end_lives(client: Client, draining: None) -> None:
    assert client.get("/livez").status_code == HTTPStatus.OK


@pytest.mark.parametrize("path", READY)
def test_a_list_for_people_has_a_line_for_each_part(client: Client, path: str) -> None:
    parts = ("database", "migrations", "storage", "signing_key", "shutdown")
    lines = [f"[+]{part} ok" for part in parts]

    text = client.get(f"{path}?verbose").content.decode()

    assert text.splitlines() == [*lines, f"{path[1:]} check passed"]


def test_a_list_for_people_names_what_fails_and_not_why(
    client: Client, broken_database: None
) -> None:
    text = client.get("/readyz?verbose").content.decode()

    assert "[-]database failed: reason withheld\n" in text
    assert text.endswith("readyz check failed\n")


def test_a_list_that_fails_has_the_status_of_it(client: Client, draining: None) -> None:
    assert client.get("/readyz?verbose").status_code == HTTPStatus.SERVICE_UNAVAILABLE


def test_life_has_a_list_for_people(client: Client) -> None:
    assert client.get("/livez?verbose").content == b"[+]ping ok\nlivez check passed\n"


@pytest.mark.parametrize("path", ["/livez", *READY, *QUAY])
def test_nothing_can_be_written_to_a_probe(client: Client, path: str) -> None:
    assert client.post(path).status_code == HTTPStatus.METHOD_NOT_ALLOWED

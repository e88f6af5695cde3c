"""A database or a store that does not answer is 503 at every door, in the door's own form."""

import sqlite3
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import pytest
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.test import Client

from artifacts.oci.digest import Digest
from artifacts.oci.media_types import OCI_MANIFEST
from registry.api.http.failures import database_failure
from registry.repositories.models import Repository
from registry.storage.base import StorageUnavailable
from registry.storage.filesystem import FilesystemStore
from tests.registry.api.management.test_tags import basic
from tests.registry.builders import error_of, hold, image

pytestmark = pytest.mark.django_db


class SaidByPostgreSQL(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def internal(sqlstate: str) -> InternalError:
    error = InternalError("cannot execute UPDATE in a read-only transaction")
    error.__cause__ = SaidByPostgreSQL(sqlstate)
    return error


DOORS = {
    "/v2/acme/web/tags/list": "application/json",
    "/v2/_catalog": "application/json",
    "/v2/auth?scope=repository:acme/web:pull": "application/json",
    "/v1/search?q=a": "application/json",
    "/helm/acme/index.yaml": "text/plain; charset=utf-8",
    "/api/v1/repository/acme/web/tag/": "application/json",
    "/api/v1/messages": "application/json",
    "/.well-known/jwks.json": "application/json",
    "/acme": "text/html; charset=utf-8",
    "/explore": "text/html; charset=utf-8",
    "/admin/login/": "text/html; charset=utf-8",
}


def failing(error: Exception) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database is locked"),
        OperationalError("server closed the connection unexpectedly"),
        OperationalError("couldn't get a connection after 20.00 sec"),
        OperationalError("FATAL: sorry, too many clients already"),
        InterfaceError("connection already closed"),
        internal("25006"),
        internal("25P03"),
    ],
    ids=str,
)
def test_a_database_that_does_not_answer_is_503(path: str, error: Exception) -> None:
    client = Client(headers=basic("acme-owner"), raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32  # pages ask whose it is

    with connection.execute_wrapper(failing(error)):
        response = client.get(path)

    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert response.headers["Content-Type"] == DOORS[path]
    assert response.headers["Retry-After"] == "10"


@pytest.mark.parametrize("code", [5, 6, 8, 10, 14, 261], ids=str)
def test_what_sqlite_says_of_its_file_is_no_defect_of_ours(code: int) -> None:
    assert database_failure(_sqlite_error(code))


def test_a_transaction_that_failed_before_is_a_defect() -> None:
    assert database_failure(internal("25P02")) is None


@pytest.mark.parametrize("code", [1, 21], ids=["no such table", "misuse"])
def test_a_wrong_statement_is_a_defect(code: int) -> None:
    assert database_failure(_sqlite_error(code)) is None


def _sqlite_error(code: int) -> OperationalError:
    error, cause = OperationalError("said"), sqlite3.OperationalError("said")
    cause.sqlite_errorcode = code
    error.__cause__ = cause
    return error


UPLOADS = "/v2/acme/web/blobs/uploads/"
ASKED: Mapping[str, Callable[[Client], Any]] = {
    "read": lambda who: who.put("/v2/acme/web/manifests/v1", image(b"{}"), OCI_MANIFEST),
    "keep": lambda who: who.generic("POST", f"{UPLOADS}?digest={Digest.of(b'new')}", b"new"),
    "hold": lambda who: who.generic("PATCH", who.post(UPLOADS).headers["Location"], b"new"),
}


@pytest.mark.parametrize("method", ASKED)
def test_a_store_that_does_not_answer_is_503(
    pusher: Client, repository: Repository, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    hold(repository, b"{}")
    monkeypatch.setattr(FilesystemStore, method, failing(StorageUnavailable()))

    response = ASKED[method](pusher)

    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert response.headers["Retry-After"] == "10"
    assert error_of(response.json())[0] == "UNAVAILABLE"

"""A disk that fails is 503 at every door, is in the log, and leaves nothing half done."""

import errno
import logging
import os
from collections.abc import Callable
from http import HTTPStatus
from types import ModuleType
from typing import Any

import pytest
from django.test import Client

from artifacts.oci.digest import Digest
from artifacts.oci.media_types import OCI_MANIFEST
from registry.blobs.models import Blob
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.storage import files, filesystem
from registry.storage.select import blob_store
from tests.registry.builders import error_of, hold, image

pytestmark = pytest.mark.django_db

CONTENT = b"content of a blob"
CODES = [errno.EIO, errno.EACCES, errno.EROFS, errno.EPERM, errno.ESTALE, errno.EMFILE]
UPLOADS = "/v2/acme/web/blobs/uploads/"
NEW = f"{UPLOADS}?digest={Digest.of(CONTENT)}"


class FailingOs(ModuleType):
    """``os`` of which one function fails."""

    def __init__(self, function: str, code: int) -> None:
        super().__init__("os")
        self._function = function
        self._code = code

    def __getattr__(self, name: str) -> Any:
        if name != self._function:
            return getattr(os, name)

        def fail(*_: object, **__: object) -> None:
            raise OSError(self._code, os.strerror(self._code), "blobs/aa")

        return fail


@pytest.fixture
def break_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    def break_it(function: str, code: int) -> None:
        for module in (files, filesystem):
            monkeypatch.setattr(module, "os", FailingOs(function, code))

    return break_it


def assert_unavailable(response: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert response.headers["Retry-After"] == "10"
    assert "the disk fails" in caplog.text


def push(client: Client) -> Any:
    return client.generic("POST", NEW, CONTENT, "application/octet-stream")


def push_in_pieces(client: Client) -> Any:
    """The answer to the first step that fails, or to the last one."""
    location = client.post(UPLOADS).headers["Location"]
    response: Any = client.generic("PATCH", location, CONTENT, "application/octet-stream")
    if response.status_code != HTTPStatus.ACCEPTED:
        return response
    return client.put(f"{location}?digest={Digest.of(CONTENT)}")


IN_ONE = ["open", "pwrite", "fsync"]
IN_PIECES = [*IN_ONE, "fstat", "utime"]


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
def test_bytes_that_nobody_was_told_of_and_that_cannot_be_cut_off_end_in_no_blob(
    code: int, pusher: Client, repository: Repository,
    break_disk: Callable[[str, int], None], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    location = pusher.post(UPLOADS).headers["Location"]
    pusher.generic("PATCH", location, CONTENT, "application/octet-stream")
    store = blob_store()
    assert isinstance(store, filesystem.FilesystemStore)
    (upload,) = (store.root / "uploads").glob("*/*")
    upload.write_bytes(CONTENT + b"of a request that broke")

    break_disk("ftruncate", code)
    with caplog.at_level(logging.ERROR):
        response = pusher.put(f"{location}?digest={Digest.of(CONTENT)}")

    assert_unavailable(response, caplog)


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
@pytest.mark.parametrize(
    ("push", "function"),
    [*((push, name) for name in IN_ONE), *((push_in_pieces, name) for name in IN_PIECES)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_blob_that_cannot_be_kept_is_not_promised(
    push: Callable[[Client], Any], function: str, code: int, pusher: Client, repository: Repository,
    break_disk: Callable[[str, int], None], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    break_disk(function, code)
    with caplog.at_level(logging.ERROR):
        response = push(pusher)

    assert_unavailable(response, caplog)
    assert error_of(response.json())[0] == "UNAVAILABLE"
    assert not Blob.objects.filter(digest=str(Digest.of(CONTENT))).exists()
    monkeypatch.undo()
    assert push(pusher).status_code == HTTPStatus.CREATED


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
def test_a_blob_that_cannot_be_read_is_asked_for_again(
    code: int, pusher: Client, repository: Repository,
    break_disk: Callable[[str, int], None], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    hold(repository, CONTENT)
    break_disk("open", code)

    with caplog.at_level(logging.ERROR):
        response = pusher.get(f"/v2/acme/web/blobs/{Digest.of(CONTENT)}")

    assert_unavailable(response, caplog)


@pytest.mark.parametrize("function", ["open", "pread"])
def test_a_manifest_whose_labels_cannot_be_read_is_not_stored(
    function: str, pusher: Client, repository: Repository,
    break_disk: Callable[[str, int], None], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    hold(repository, b"{}")
    break_disk(function, errno.EIO)

    with caplog.at_level(logging.ERROR):
        response = pusher.generic("PUT", "/v2/acme/web/manifests/v1", image(b"{}"), OCI_MANIFEST)

    assert_unavailable(response, caplog)
    assert not Manifest.objects.filter(repository=repository).exists()


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_upload_goes_on_once_the_disk_works_again(
    method: str, pusher: Client, repository: Repository,
    break_disk: Callable[[str, int], None], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    location = pusher.post(UPLOADS).headers["Location"]
    pusher.generic("PATCH", location, CONTENT[:5], "application/octet-stream")
    address = f"{location}?digest={Digest.of(CONTENT)}" if method == "PUT" else location
    break_disk("open", errno.EIO)
    with caplog.at_level(logging.ERROR):
        response = pusher.generic(method, address, CONTENT[5:], "application/octet-stream")
    monkeypatch.undo()

    assert_unavailable(response, caplog)
    closed = pusher.generic("PUT", f"{location}?digest={Digest.of(CONTENT)}", CONTENT[5:])
    assert closed.status_code == HTTPStatus.CREATED


def test_a_full_disk_is_told_as_one(
    pusher: Client, repository: Repository, break_disk: Callable[[str, int], None]
) -> None:
    break_disk("pwrite", errno.ENOSPC)

    assert push(pusher).status_code == HTTPStatus.INSUFFICIENT_STORAGE

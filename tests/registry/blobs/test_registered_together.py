"""Blobs whose uploads end at once are registered together, and none suffers for another."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUploadUnknown, NameUnknown
from registry.blobs.models import Blob, UploadSession
from registry.blobs.sessions import open_upload
from registry.blobs.uploads import (
    EMPTY,
    Chunk,
    Finished,
    append_chunk,
    finish_blob,
    finish_upload,
    register_together,
)
from registry.repositories.models import Repository
from registry.storage.base import DiskFailed
from registry.storage.filesystem import FilesystemStore
from tests.registry.builders import make_repository
from tests.registry.stored import content_of

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
BOTH = (b"sun", b"moon")


@pytest.fixture
def repository(store_root: Path) -> Repository:
    return make_repository("acme/web")


def opened(repository: Repository) -> UploadSession:
    return open_upload(repository=repository, owner="user:1", now=NOW)


def finished(session: UploadSession, content: bytes) -> Finished:
    digest, chunk = Digest.of(content), Chunk([content], length=len(content))
    return finish_upload(session=session, digest=digest, chunk=chunk, now=NOW)


def files(store_root: Path) -> int:
    return sum(path.is_file() for path in store_root.rglob("*"))


def test_all_of_them_are_there(repository: Repository) -> None:
    register_together([finished(opened(repository), content) for content in BOTH])

    assert [content_of(repository, Digest.of(content)) for content in BOTH] == [*BOTH]


def test_the_disk_is_waited_for_once(repository: Repository) -> None:
    uploads = [finished(opened(repository), content) for content in BOTH]

    with CaptureQueriesContext(connection) as queries:
        register_together(uploads)

    assert sum(query["sql"].startswith("BEGIN") for query in queries) == 1


def streamed(session: UploadSession, content: bytes) -> Finished:
    append_chunk(session=session, chunk=Chunk([content], length=len(content)), now=NOW)
    return finish_upload(session=session, digest=Digest.of(content), chunk=EMPTY, now=NOW)


def test_bytes_are_durable_before_rows_name_them(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[tuple[int, int]] = []
    settle = FilesystemStore.settle

    def watched(store: FilesystemStore, keys: Sequence[str]) -> None:
        settle(store, keys)
        settled.append((len(keys), Blob.objects.count()))

    monkeypatch.setattr(FilesystemStore, "settle", watched)
    at_once = finished(opened(repository), b"sun")
    register_together([at_once, streamed(opened(repository), b"moon")])

    assert settled == [(2, 0)]


def test_a_disk_that_fails_keeps_none_that_waited_for_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [finished(opened(repository), b"moon"), streamed(opened(repository), b"sun")]

    def fail(_file: int) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(os, "fsync", fail)
    outcomes = register_together(waiting)

    assert [type(outcome) for outcome in outcomes] == [DiskFailed, DiskFailed]
    assert not Blob.objects.exists()


def test_who_lost_to_another_does_not_hold_up_the_rest(
    repository: Repository, store_root: Path
) -> None:
    session = opened(repository)
    uploads = [finished(session, b"late"), finished(opened(repository), b"sun")]
    register_together([finished(session, b"first")])

    late, sun = register_together(uploads)

    assert isinstance(late, BlobUploadUnknown)
    assert isinstance(sun, Blob)
    assert content_of(repository, Digest.of(b"sun")) == b"sun"
    assert files(store_root) == 2


def test_whose_repository_is_gone_does_not_hold_up_the_rest(
    repository: Repository, store_root: Path
) -> None:
    other = make_repository("acme/gone")
    uploads = [finished(opened(other), b"moon"), finished(opened(repository), b"sun")]
    Repository.objects.filter(pk=other.pk).delete()

    moon, sun = register_together(uploads)

    assert isinstance(moon, NameUnknown)
    assert isinstance(sun, Blob)
    assert files(store_root) == 1


def test_the_same_bytes_twice_are_kept_once(repository: Repository, store_root: Path) -> None:
    register_together([finished(opened(repository), b"sun") for _ in range(2)])

    assert files(store_root) == 1


def test_bytes_that_are_there_already_are_kept_once(
    repository: Repository, store_root: Path
) -> None:
    register_together([finished(opened(repository), b"sun")])

    register_together([finished(opened(repository), content) for content in BOTH])

    assert files(store_root) == 2


def test_a_blob_without_a_session_goes_with_the_others(repository: Repository) -> None:
    alone = finish_blob(
        repository=repository, digest=Digest.of(b"moon"), chunk=Chunk([b"moon"]), now=NOW
    )

    register_together([finished(opened(repository), b"sun"), alone])

    assert content_of(repository, Digest.of(b"moon")) == b"moon"

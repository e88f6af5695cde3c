"""What holds when requests meet in one upload session. The same on SQLite and PostgreSQL."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from artifacts.oci.digest import Digest
from artifacts.oci.errors import (
    BlobUploadUnknown,
    ChunkOutOfOrder,
    NameUnknown,
    OCIError,
)
from registry.blobs.models import Blob, BlobLink, UploadSession
from registry.blobs.services import mount_blob
from registry.blobs.sessions import get_upload, open_upload
from registry.blobs.uploads import (
    EMPTY,
    Chunk,
    append_chunk,
    cancel_upload,
    commit_upload,
    push_blob,
)
from registry.repositories.models import Repository
from tests.registry.builders import (
    NOW,
    make_repository,
)
from tests.registry.stored import assert_only_known_files_are_left, content_of
from tests.threads import Aside, at_once, meanwhile

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 8


@pytest.fixture
def repository() -> Repository:
    return make_repository()


@pytest.mark.parametrize(
    ("first", "second"),
    [(b"", b""), (b" world", b" world"), (b"", b" world"), (b" world", b" moon!")],
    ids=["both empty", "the same body", "empty and a body", "different bodies"],
)
def test_of_two_closing_commits_at_most_one_makes_a_blob_and_it_is_right(
    repository: Repository, store_root: Path, first: bytes, second: bytes
) -> None:
    for _ in range(ROUNDS):
        session = _session(repository, b"hello")
        last = {b"hello" + body for body in (first, second)}

        results = at_once(*[_closing(session, body) for body in (first, second)])

        made = [result for result in results if isinstance(result, Blob)]
        assert len(made) <= 1, results
        told = [result for result in results if not isinstance(result, Blob)]
        assert all(isinstance(r, BlobUploadUnknown | ChunkOutOfOrder) for r in told), results
        for blob in made:
            assert content_of(repository, Digest.parse(blob.digest)) in last
        assert UploadSession.objects.get(pk=session.pk).is_closed == bool(made)
        assert_only_known_files_are_left(store_root)


def test_a_commit_that_lost_to_another_is_told_that_the_session_is_unknown(
    repository: Repository, store_root: Path
) -> None:
    session = _session(repository, b"hello")
    stale = [_read(session) for _ in range(3)]
    _commit(session, b"", Digest.of(b"hello"))

    for late, body in zip(stale, (b"", b" world", b""), strict=True):
        with pytest.raises(BlobUploadUnknown):
            _commit(late, body, Digest.of(b"hello" + body))

    assert [blob.digest for blob in Blob.objects.all()] == [str(Digest.of(b"hello"))]
    assert_only_known_files_are_left(store_root)


def test_of_two_commits_of_an_empty_session_the_blob_is_never_empty_under_another_name(
    repository: Repository, store_root: Path
) -> None:
    for _ in range(ROUNDS):
        session = _session(repository, b"")

        at_once(*[_closing(session, body, before=b"") for body in (b"whole", b"whole")])

        for link in BlobLink.objects.filter(repository=repository):
            digest = Digest.parse(link.blob_id)
            assert Digest.of(content_of(repository, digest)) == digest
        assert_only_known_files_are_left(store_root)


def test_a_commit_that_begins_while_another_ends_leaves_no_bytes_behind(
    repository: Repository, store_root: Path
) -> None:
    session = _session(repository, b"")
    first, second = (_closing(session, body, before=b"") for body in (b"sun", b"moon"))

    with meanwhile(before="INSERT INTO blobs_uploadsession", do=lambda: Aside(second)) as aside:
        results = [_told(first)]
    results.append(aside().result())

    (made,) = [result for result in results if isinstance(result, Blob)]
    assert sum(isinstance(result, BlobUploadUnknown) for result in results) == 1, results
    assert content_of(repository, Digest.parse(made.digest)) in (b"sun", b"moon")
    assert_only_known_files_are_left(store_root)


def test_of_two_chunks_at_one_offset_one_wins_and_the_bytes_are_its_own(
    repository: Repository,
) -> None:
    for _ in range(ROUNDS):
        session = _session(repository, b"hello ")
        bodies = [b"world" * 1000, b"moon" * 2000]

        results = at_once(*[_appending(session, body) for body in bodies])

        assert sum(isinstance(result, ChunkOutOfOrder) for result in results) == 1, results
        (won,) = [n for n, result in enumerate(results) if isinstance(result, UploadSession)]
        whole = b"hello " + bodies[won]
        session = _read(session)
        assert session.offset == len(whole)
        _commit(session, b"", Digest.of(whole))
        assert content_of(repository, Digest.of(whole)) == whole


def test_a_chunk_and_a_cancel_leave_no_bytes_when_the_cancel_wins(
    repository: Repository, store_root: Path
) -> None:
    for _ in range(ROUNDS):
        session = _session(repository, b"hello ")

        at_once(_appending(session, b"world"), partial(cancel_upload, session=session, now=NOW))

        assert not UploadSession.objects.filter(is_closed=False).exists()
        assert_only_known_files_are_left(store_root)


def _session(repository: Repository, content: bytes) -> UploadSession:
    session = open_upload(repository=repository, owner="user:1", now=NOW)
    return append_chunk(session=session, chunk=Chunk([content]), now=NOW) if content else session


def _commit(session: UploadSession, body: bytes, digest: Digest) -> Blob:
    chunk = Chunk([body], length=len(body)) if body else EMPTY
    return commit_upload(session=session, digest=digest, chunk=chunk, now=NOW)


def _read(session: UploadSession) -> UploadSession:
    """The session as another request finds it."""
    return get_upload(
        repository=session.repository, owner=session.owner, session_id=str(session.pk), now=NOW
    )


def _closing(
    session: UploadSession, body: bytes, *, before: bytes = b"hello"
) -> Callable[[], object]:
    mine = _read(session)
    return partial(_commit, mine, body, Digest.of(before + body))


def _told(call: Callable[[], object]) -> object:
    try:
        return call()
    except OCIError as error:
        return error


def _appending(session: UploadSession, body: bytes) -> Callable[[], object]:
    mine = _read(session)
    pieces = [body[i : i + 100] for i in range(0, len(body), 100)]
    return lambda: append_chunk(session=mine, chunk=Chunk(pieces), now=NOW)


def remove_for_good_now(repository: Repository) -> None:
    Repository.objects.filter(pk=repository.pk).delete()


def and_then_gone(repository: Repository) -> Iterator[bytes]:
    """The bytes of a blob, after the first of which the repository is removed for good."""
    yield b"hello"
    remove_for_good_now(repository)
    yield b" world"


def test_a_blob_that_comes_while_its_repository_goes_is_told_so(
    repository: Repository, store_root: Path
) -> None:
    with pytest.raises(NameUnknown):
        push_blob(
            repository=repository,
            digest=Digest.of(b"hello world"),
            chunk=Chunk(and_then_gone(repository)),
            now=NOW,
        )

    assert not Blob.objects.exists()
    assert_only_known_files_are_left(store_root)


@pytest.mark.parametrize("before", [b"", b"oh, "], ids=["new", "begun"])
def test_an_upload_that_closes_while_its_repository_goes_is_unknown(
    repository: Repository, store_root: Path, before: bytes
) -> None:
    session = _session(repository, before)

    with pytest.raises((BlobUploadUnknown, NameUnknown)):
        commit_upload(
            session=session,
            digest=Digest.of(before + b"hello world"),
            chunk=Chunk(and_then_gone(repository)),
            now=NOW,
        )

    assert not Blob.objects.exists()


@pytest.mark.parametrize("before", [b"", b"oh, "], ids=["new", "begun"])
def test_an_upload_that_goes_on_after_its_repository_is_unknown(
    repository: Repository, before: bytes
) -> None:
    session = _session(repository, before)

    with pytest.raises((BlobUploadUnknown, NameUnknown)):
        append_chunk(session=session, chunk=Chunk(and_then_gone(repository)), now=NOW)


def test_nothing_is_mounted_into_what_is_gone(repository: Repository) -> None:
    source = make_repository("acme/source")
    push_blob(
        repository=source,
        digest=Digest.of(b"layer"),
        chunk=Chunk([b"layer"], length=5),
        now=NOW,
    )
    remove_for_good_now(repository)

    with pytest.raises(NameUnknown):
        mount_blob(
            repository=repository,
            digest=Digest.of(b"layer"),
            sources=Repository.objects.filter(pk=source.pk),
            now=NOW,
        )

"""What a session is called, and how long that is believed."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUploadUnknown
from registry.blobs.models import UploadSession
from registry.blobs.sessions import _Name, forget_closed_uploads, get_upload, open_upload
from registry.blobs.uploads import Chunk, append_chunk, cancel_upload, commit_upload
from registry.repositories.models import Repository
from tests.registry.builders import NOW, make_repository

pytestmark = pytest.mark.django_db

OWNER = "user:1"
LIFETIME = timedelta(days=1)


@pytest.fixture(autouse=True)
def _lifetime(settings: Settings) -> None:
    settings.BLOBUPLOAD_DELETION_DATE_THRESHOLD = LIFETIME // timedelta(minutes=1)


@pytest.fixture
def session(repository: Repository) -> UploadSession:
    return open_upload(repository=repository, owner=OWNER, algorithm="sha512", now=NOW)


def read(session: UploadSession, session_id: object = None) -> UploadSession:
    return get_upload(
        repository=session.repository,
        owner=session.owner,
        session_id=str(session_id or session.pk),
        now=NOW,
    )


def test_to_open_a_session_writes_nothing(session: UploadSession) -> None:
    assert not UploadSession.objects.exists()


def test_a_session_without_a_row_is_found_with_all_that_it_was_opened_with(
    session: UploadSession,
) -> None:
    found = read(session)

    assert (found.pk, found.offset, found.algorithm) == (session.pk, 0, "sha512")
    assert found.started_at == NOW.replace(microsecond=0)


def test_two_sessions_have_two_names(repository: Repository) -> None:
    names = {open_upload(repository=repository, owner=OWNER, now=NOW).pk for _ in range(100)}

    assert len(names) == 100


@given(bit=st.integers(0, 127))
def test_a_name_with_another_bit_is_unknown(bit: int) -> None:
    repository = Repository(pk=7, path="acme/web")
    session = open_upload(repository=repository, owner=OWNER, now=NOW)
    with pytest.raises(BlobUploadUnknown):
        read(session, UUID(int=session.pk.int ^ 1 << bit))


@given(seconds=st.integers(0, 2**32 - 1), random=st.integers(0, 2**48 - 1))
def test_a_name_says_when_it_was_given(seconds: int, random: int) -> None:
    name = _Name(seconds, random)
    key = name.sealed(Repository(pk=7), OWNER, "sha256", "a key")

    assert _Name.read(key) == name
    assert (key.version, key.variant) == (8, "specified in RFC 4122")


def test_a_name_of_any_other_kind_is_unknown(session: UploadSession) -> None:
    with pytest.raises(BlobUploadUnknown):
        read(session, uuid4())


@pytest.mark.parametrize("other", ["owner", "repository", "key"])
def test_a_name_is_good_for_its_owner_in_its_repository_by_one_key(
    session: UploadSession, settings: Settings, other: str
) -> None:
    if other == "owner":
        session.owner = "user:2"
    if other == "repository":
        session.repository = make_repository("acme/other")
    if other == "key":
        settings.SECRET_KEY = "another key, which this name was not made with"
    with pytest.raises(BlobUploadUnknown):
        read(session)


def test_a_name_made_with_a_former_key_is_known(session: UploadSession, settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, which this name was not made with"

    assert read(session).offset == 0


@pytest.mark.parametrize(("age", "is_known"), [(LIFETIME, False), (LIFETIME * 0.99, True)])
def test_a_session_that_nobody_used_is_known_as_long_as_any_other(
    repository: Repository, age: timedelta, is_known: bool
) -> None:
    old = open_upload(repository=repository, owner=OWNER, now=NOW - age)
    if is_known:
        assert read(old).offset == 0
    else:
        with pytest.raises(BlobUploadUnknown):
            read(old)


@pytest.mark.parametrize("before", [b"", b"hello"], ids=["at once", "in chunks"])
@pytest.mark.parametrize("end", ["commit", "cancel"])
def test_a_session_that_ended_is_unknown(session: UploadSession, before: bytes, end: str) -> None:
    if before:
        session = append_chunk(session=session, chunk=Chunk([before]), now=NOW)
    if end == "commit":
        digest = Digest.of(before + b"!")
        commit_upload(session=session, digest=digest, chunk=Chunk([b"!"]), now=NOW)
    else:
        cancel_upload(session=session, now=NOW)

    with pytest.raises(BlobUploadUnknown):
        read(session)


def test_a_session_that_moved_on_is_cancelled_all_the_same(session: UploadSession) -> None:
    append_chunk(session=read(session), chunk=Chunk([b"hello"]), now=NOW)

    cancel_upload(session=session, now=NOW)

    with pytest.raises(BlobUploadUnknown):
        read(session)


def test_a_session_is_cancelled_once(session: UploadSession) -> None:
    cancel_upload(session=session, now=NOW)

    with pytest.raises(BlobUploadUnknown):
        cancel_upload(session=session, now=NOW)


def test_closed_sessions_are_forgotten_when_their_names_count_no_more(
    session: UploadSession, repository: Repository
) -> None:
    open_one = open_upload(repository=repository, owner=OWNER, now=NOW)
    append_chunk(session=open_one, chunk=Chunk([b"half"]), now=NOW)
    cancel_upload(session=session, now=NOW)

    def forget(age: timedelta) -> int:
        return forget_closed_uploads(now=NOW + age, older_than=LIFETIME, limit=10)

    assert [forget(LIFETIME), forget(2 * LIFETIME), forget(2 * LIFETIME)] == [0, 1, 0]
    assert [found.pk for found in UploadSession.objects.all()] == [open_one.pk]

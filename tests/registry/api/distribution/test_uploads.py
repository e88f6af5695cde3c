"""Uploads over HTTP: full disks, too many at once, and bodies of every length."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.users.models import User
from artifacts.oci.digest import Digest
from config.keys.configuration import Configuration
from registry.blobs.models import Blob, UploadSession
from registry.blobs.transfers import transfers
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from tests.registry.builders import (
    NOW,
    bearer,
    error_of,
    hold,
    make_repository,
    make_user,
    owner_of,
    principal_of,
)

UPLOADS = "/v2/acme/web/blobs/uploads/"
OCTETS = "application/octet-stream"
HUGE = str(2**60)


@pytest.fixture
def location(pusher: Client) -> str:
    return str(pusher.post(UPLOADS).headers["Location"])


def send(
    pusher: Client, method: str, path: str, stream: BytesIO, *, length: str | None = None
) -> Any:
    """Send a body of which the server knows what the client told: its length, or nothing."""
    about: dict[str, Any] = {"wsgi.input": stream, "CONTENT_LENGTH": length or ""}
    if length is None:
        about["HTTP_TRANSFER_ENCODING"] = "chunked"
    return pusher.generic(method, path, content_type=OCTETS, **about)


def offset(location: str) -> int:
    return UploadSession.objects.get(pk=location.rpartition("/")[2]).offset


def test_a_full_disk_is_507_and_changes_nothing(
    pusher: Client, location: str, settings: Settings
) -> None:
    settings.MAXIMUM_LAYER_SIZE = f"{2**32}G"
    pusher.patch(location, b"hello", OCTETS)

    for method, path in (("PATCH", location), ("PUT", f"{location}?digest={Digest.of(b'x')}")):
        response = send(pusher, method, path, BytesIO(b"its first bytes"), length=HUGE)
        code, message = error_of(response.json())
        assert (response.status_code, code) == (507, "UNAVAILABLE")
        assert "storage is full" in message

    assert offset(location) == 5
    assert not Blob.objects.exists()


def test_a_blob_above_the_limit_is_413_and_changes_nothing(
    pusher: Client, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Configuration, "maximum_layer_bytes", 10)
    pusher.patch(location, b"hello", OCTETS)

    announced = pusher.patch(location, b" world!", OCTETS)
    streamed = send(pusher, "PATCH", location, BytesIO(b" world!"))

    for response in (announced, streamed):
        assert response.status_code == 413
        code, message = error_of(response.json())
        assert code == "SIZE_INVALID"
        assert "MAXIMUM_LAYER_SIZE" in message
    assert offset(location) == 5
    whole = pusher.generic("POST", f"{UPLOADS}?digest={Digest.of(b'x' * 11)}", b"x" * 11, OCTETS)
    assert whole.status_code == 413


def test_a_body_that_ends_early_counts_as_far_as_it_came(pusher: Client, location: str) -> None:
    cut = send(pusher, "PATCH", location, BytesIO(b"hello"), length="100")

    assert cut.status_code == 400
    assert error_of(cut.json())[0] == "SIZE_INVALID"
    assert pusher.get(location).headers["Range"] == "0-4"


def test_a_streamed_body_has_no_length_and_needs_none(pusher: Client, location: str) -> None:
    response = send(pusher, "PATCH", location, BytesIO(b"hello" * 1000))

    assert response.status_code == 202
    assert response.headers["Range"] == "0-4999"


def test_a_stream_that_breaks_is_500_in_json_and_the_session_stays(
    pusher: Client, location: str
) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    pusher.patch(location, b"hello", OCTETS)

    response = send(pusher, "PATCH", location, Broken(), length="5")

    assert response.status_code == 500
    assert response.json()["errors"]
    assert offset(location) == 5


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("5-9", 202),
        ("bytes 5-9", 202),
        ("bytes=5-9", 202),
        ("bytes 5-9/*", 202),
        ("bytes 5-9/10", 202),
        ("0-4", 416),
        ("6-10", 416),
        ("5-8", 400),
        ("5-10", 400),
        ("9-5", 400),
        ("5-", 400),
        ("-5", 400),
        ("5", 400),
        ("a-b", 400),
        ("bytes */10", 400),
        ("", 400),
        ("5-9,10-11", 400),
        ("99999999999999999999-99999999999999999999", 400),
    ],
)
def test_content_range_must_name_the_bytes_that_come_next(
    pusher: Client, location: str, header: str, status: int
) -> None:
    pusher.patch(location, b"hello", OCTETS)

    response = pusher.patch(location, b"world", OCTETS, headers={"Content-Range": header})

    assert response.status_code == status
    if status == 416:
        assert response.headers["Range"] == "0-4"
        assert response.headers["Location"] == location
    assert offset(location) == (10 if status == 202 else 5)


@contextmanager
def one_in_flight() -> Iterator[None]:
    transfers.begin_upload()
    try:
        yield
    finally:
        transfers.end_upload()


@pytest.fixture
def busy(settings: Settings) -> Iterator[None]:
    """As many uploads in flight as the settings allow."""
    settings.MAXIMUM_CONCURRENT_UPLOADS = 1
    with one_in_flight():
        yield


@pytest.mark.usefixtures("busy")
def test_a_new_upload_is_429_while_too_many_are_in_flight(pusher: Client) -> None:
    for path in (UPLOADS, f"{UPLOADS}?digest={Digest.of(b'x')}"):
        response = pusher.generic("POST", path, b"", OCTETS)

        assert response.status_code == 429
        assert error_of(response.json())[0] == "TOOMANYREQUESTS"
        assert int(response.headers["Retry-After"]) > 0
    assert not UploadSession.objects.exists()


def test_an_upload_that_has_begun_goes_on_while_too_many_are_in_flight(
    pusher: Client, location: str, settings: Settings
) -> None:
    settings.MAXIMUM_CONCURRENT_UPLOADS = 1

    with one_in_flight():
        assert pusher.patch(location, b"hello", OCTETS).status_code == 202
        closed = pusher.put(f"{location}?digest={Digest.of(b'hello')}")
    assert closed.status_code == 201


def test_an_upload_that_fails_is_in_flight_no_more(pusher: Client, location: str) -> None:
    pusher.patch(location, b"hello", OCTETS, headers={"Content-Range": "7-11"})
    pusher.put(f"{location}?digest={Digest.of(b'other')}", b"hello", OCTETS)

    assert transfers.uploads == 0


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_a_session_is_found_by_its_owner_in_its_repository_only(
    pusher: Client, repository: Repository, location: str, method: str
) -> None:
    other = make_repository("acme/other")
    bob = make_user("bob")
    for place in (repository, other):
        grant(repository=place, role=Role.ADMIN, holder=bob, now=NOW)
    session = location.rpartition("/")[2]
    owner = principal_of(User.objects.get(username="acme-owner"))
    scopes = ("repository:acme/web:pull,push", "repository:acme/other:pull,push")
    query = f"?digest={Digest.of(b'')}" if method == "PUT" else ""

    by_another = Client().generic(
        method, location + query, headers=bearer(principal_of(bob), *scopes)
    )
    elsewhere = Client().generic(
        method,
        f"/v2/acme/other/blobs/uploads/{session}{query}",
        headers=bearer(owner, *scopes),
    )

    for response in (by_another, elsewhere):
        assert response.status_code == 404
        assert error_of(response.json())[0] == "BLOB_UPLOAD_UNKNOWN"
    assert pusher.get(location).status_code == 204


@pytest.mark.parametrize(
    "session", ["x", "0", "00000000-0000-0000-0000-000000000000", "%00", "a" * 3000, "..%2f..", "é"]
)
def test_an_unknown_session_is_told_in_the_specs_words(pusher: Client, session: str) -> None:
    response = pusher.get(f"{UPLOADS}{session}")

    assert response.status_code == 404
    assert response.json()["errors"]


def test_the_chunk_size_is_told_where_the_settings_ask_for_one(
    pusher: Client, settings: Settings
) -> None:
    assert "OCI-Chunk-Min-Length" not in pusher.post(UPLOADS).headers
    settings.OCI_CHUNK_MIN_LENGTH = 5_000_000
    assert pusher.post(UPLOADS).headers["OCI-Chunk-Min-Length"] == "5000000"


@pytest.mark.parametrize("source", ["&from=acme/other", ""])
def test_a_token_mounts_only_from_repositories_that_it_names(
    pusher: Client, repository: Repository, source: str
) -> None:
    hold(make_repository("acme/other"), b"elsewhere")
    path = f"{UPLOADS}?mount={Digest.of(b'elsewhere')}{source}"
    both = ["repository:acme/web:pull,push", "repository:acme/other:pull"]
    blind = ["repository:acme/web:pull,push", "repository:acme/other:push"]
    owner = owner_of("acme")

    assert pusher.post(path).status_code == 202
    assert pusher.post(path, headers=bearer(owner, *blind)).status_code == 202
    assert pusher.post(path, headers=bearer(owner, *both)).status_code == 201


def test_a_mount_tells_nothing_of_what_the_caller_may_not_read(
    pusher: Client, repository: Repository
) -> None:
    secret = make_repository("other/secret")
    hold(secret, b"secret")
    answers = [
        pusher.post(f"{UPLOADS}?mount={Digest.of(content)}{source}")
        for content in (b"secret", b"absent")
        for source in ("&from=other/secret", "", "&from=nobody/x", "&from=!!")
    ]

    assert {answer.status_code for answer in answers} == {202}
    assert {tuple(sorted(answer.headers)) for answer in answers} == {
        tuple(sorted(answers[0].headers))
    }

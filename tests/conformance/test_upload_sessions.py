"""Upload sessions: cancelling (end-14), ids nobody was given, and whose session it is."""

import pytest

from tests.conformance.client import Client, escaped
from tests.conformance.content import digest_of, unique
from tests.conformance.repository import OCTETS, Repository, closing
from tests.conformance.wire import Wire

NEVER_GIVEN = "7d3c1f52-9a44-4f6e-8f0b-0f6f6f2f5c11"
METHODS = ["GET", "PATCH", "PUT", "DELETE"]
HOSTILE_IDS = [
    NEVER_GIVEN,
    NEVER_GIVEN.upper(),
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "{" + NEVER_GIVEN + "}",
    "urn:uuid:" + NEVER_GIVEN,
    NEVER_GIVEN + "x",
    NEVER_GIVEN[:-1],
    "x",
    "0",
    "-1",
    "null",
    "a" * 2000,
    "%2e%2e",
    "%2e",
    "%00",
    "%ff",
    "%0d%0aX-Injected:%20yes",
    "'%20or%201=1--",
    "%3Cscript%3E",
    "%E6%97%A5",
    "%EF%BC%91" * 8,
    "$%7B7*7%7D",
    "_state",
    "..%5c..%5cetc",
]


@pytest.mark.parametrize(
    ("session_id", "method"),
    [*((id_, "GET") for id_ in HOSTILE_IDS), *((NEVER_GIVEN, method) for method in METHODS[1:])],
)
def test_a_session_nobody_opened_is_unknown(
    session_id: str, method: str, writable: Repository
) -> None:
    path = writable.path(f"blobs/uploads/{session_id}") + f"?digest={escaped(digest_of(b'x'))}"

    answer = writable.client.request(method, path, body=b"" if method == "GET" else b"x")

    assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert not answer.header("X-Injected")


def test_a_cancelled_session_answers_204_and_is_gone(repository: Repository) -> None:
    """Section "Cancel a blob upload"."""
    content, location = unique(), repository.open_upload()
    repository.client.patch(location, body=content, headers=OCTETS)

    answer = repository.client.delete(location)

    assert (answer.status, answer.body) == (204, b"")
    for method in METHODS:
        path = closing(location, digest_of(content))
        gone = repository.client.request(method, path, body=b"")
        assert (gone.status, gone.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert not repository.has_blob(digest_of(content))


def test_cancelling_one_session_leaves_the_others(repository: Repository) -> None:
    content, kept, dropped = unique(), repository.open_upload(), repository.open_upload()

    assert repository.client.delete(dropped).status == 204

    assert repository.commit(kept, digest_of(content), content).status == 201


def test_a_blob_outlives_the_session_it_came_by(repository: Repository) -> None:
    content, location = unique(), repository.open_upload()
    repository.commit(location, digest_of(content), content)

    assert repository.client.delete(location).status == 404

    assert repository.client.get(repository.blob(digest_of(content))).body == content


@pytest.mark.parametrize("method", METHODS)
def test_a_session_of_somebody_else_is_unknown(
    method: str, writable: Repository, bob: Client
) -> None:
    """Bob may write here; the session is alice's all the same."""
    content, location = unique(100), writable.open_upload()
    writable.client.patch(location, body=content[:50], headers=OCTETS)
    path = closing(location, digest_of(content))

    answer = bob.request(method, path, body=None if method == "GET" else content[50:])

    assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert writable.offset(location) == 50
    assert writable.commit(location, digest_of(content), content[50:]).status == 201


@pytest.mark.parametrize("method", METHODS)
def test_a_session_of_another_repository_is_unknown(
    method: str, writable: Repository, repository: Repository
) -> None:
    content, location = unique(100), repository.open_upload()
    repository.client.patch(location, body=content[:50], headers=OCTETS)
    elsewhere = closing(location.replace(repository.name, writable.name), digest_of(content))

    answer = writable.client.request(method, elsewhere, body=None if method == "GET" else b"x")

    assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert repository.offset(location) == 50


@pytest.mark.parametrize("method", METHODS)
def test_a_session_is_closed_to_who_may_not_write(
    method: str, readable: Repository, bob: Client, anonymous: Client
) -> None:
    location = readable.open_upload()

    for caller in (bob, anonymous):
        answer = caller.request(method, location, body=None if method == "GET" else b"x")
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert readable.offset(location) == 0


def test_who_may_not_write_opens_no_session(
    readable: Repository, public: Repository, bob: Client, anonymous: Client
) -> None:
    for caller in (bob, anonymous):
        for place in (readable, public):
            answer = caller.post(place.uploads())
            assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
            assert answer.challenge["error"] == "insufficient_scope"
            assert "push" in answer.challenge["scope"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_expecting_a_continue_for_an_unknown_session_does_not_hang(
    method: str, writable: Repository
) -> None:
    bearer = writable.client.bearer(f"repository:{writable.name}:pull,push")
    path = writable.path(f"blobs/uploads/{NEVER_GIVEN}?digest={digest_of(b'x' * 1000)}")
    expects = [("Content-Length", "1000"), ("Expect", "100-continue")]
    with Wire(writable.client.host) as wire:
        wire.begin(method, path, [*bearer, *expects])
        first = wire.read_status()
        if first == 100:
            wire.send(b"x" * 1000)

        answer = wire.read(method)

    assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_expecting_a_continue_for_an_open_session_gets_it(repository: Repository) -> None:
    content = unique(1000)
    path = closing(repository.open_upload(), digest_of(content))
    bearer = repository.client.bearer(f"repository:{repository.name}:pull,push")
    expects = [("Content-Length", "1000"), ("Expect", "100-continue")]
    with Wire(repository.client.host) as wire:
        wire.begin("PUT", path, [*bearer, *expects])
        assert wire.read_status() == 100
        wire.send(content)

        assert wire.read("PUT").status == 201

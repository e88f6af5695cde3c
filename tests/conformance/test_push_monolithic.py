"""Section "Pushing a blob monolithically": POST then PUT (end-4a, end-6), single POST (end-4b)."""

import re
from urllib.parse import urlsplit

import pytest

from tests.conformance.client import escaped, in_pieces
from tests.conformance.content import digest_of, unique
from tests.conformance.repository import OCTETS, Repository, closing

UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
SIZES = [0, 1, 2, 1023, 65536, 1024 * 1024 + 1]


def test_a_post_opens_a_session_and_says_where(repository: Repository) -> None:
    answer = repository.client.post(repository.uploads())

    assert answer.status == 202
    location = urlsplit(answer.header("Location"))
    assert location.path.startswith(f"/v2/{repository.name}/blobs/uploads/")
    assert not location.query
    assert answer.header("Range") in {"", "0-0"}


def test_the_location_contains_a_uuid_that_is_unique(repository: Repository) -> None:
    locations = {repository.open_upload() for _ in range(5)}

    assert len(locations) == 5
    assert all(UUID.search(location) for location in locations)


@pytest.mark.parametrize("path", ["blobs/uploads/", "blobs/uploads"])
@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/octet-stream", "text/html; a=b", "x"]
)
def test_a_post_of_any_type_opens_a_session(
    content_type: str, path: str, repository: Repository
) -> None:
    headers = [("Content-Type", content_type)] if content_type else []

    answer = repository.client.post(repository.path(path), headers=headers)

    assert answer.status == 202


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_put_with_the_whole_body_creates_the_blob(
    chunked: bool, size: int, repository: Repository
) -> None:
    content = unique(size)
    body = in_pieces(content, 50_000) if chunked else content

    answer = repository.commit(repository.open_upload(), digest_of(content), body)

    assert answer.status == 201
    assert answer.header("Docker-Content-Digest") == digest_of(content)
    assert repository.client.get(answer.header("Location")).body == content


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_single_post_creates_the_blob_or_opens_a_session(
    chunked: bool, size: int, repository: Repository
) -> None:
    content = unique(size)
    body = in_pieces(content, 50_000) if chunked else content
    path = repository.uploads(digest=digest_of(content))

    answer = repository.client.post(path, body=body, headers=OCTETS)

    if answer.status == 202:
        answer = repository.commit(answer.header("Location"), digest_of(content), content)
    assert answer.status == 201
    assert answer.header("Docker-Content-Digest") == digest_of(content)
    assert repository.client.get(answer.header("Location")).body == content


def test_a_single_post_is_supported(repository: Repository) -> None:
    content = unique()
    path = repository.uploads(digest=digest_of(content))

    assert repository.client.post(path, body=content, headers=OCTETS).status == 201


def test_the_blob_location_is_a_pullable_url(repository: Repository) -> None:
    content = unique()

    answer = repository.commit(repository.open_upload(), digest_of(content), content)

    pulled = repository.client.get(answer.header("Location"))
    assert (pulled.status, pulled.body) == (200, content)


@pytest.mark.parametrize("style", ["plain", "escaped", "first", "extra"])
def test_the_digest_is_found_however_the_query_is_written(
    style: str, repository: Repository
) -> None:
    content = unique()
    digest, location = digest_of(content), repository.open_upload()
    query = {
        "plain": f"digest={digest}",
        "escaped": f"digest={escaped(digest)}",
        "first": f"digest={digest}&_state=abc",
        "extra": f"_state=a%20b&&x=&digest={escaped(digest)}&y",
    }[style]

    answer = repository.client.put(f"{location}?{query}", body=content, headers=OCTETS)

    assert answer.status == 201


def test_the_same_blob_may_be_pushed_again(repository: Repository) -> None:
    content = unique()

    for _ in range(3):
        repository.push_blob(content)

    assert repository.client.get(repository.blob(digest_of(content))).body == content


def test_a_closed_session_is_gone(repository: Repository) -> None:
    content, location = unique(), repository.open_upload()
    assert repository.commit(location, digest_of(content), content).status == 201

    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = repository.client.request(method, closing(location, digest_of(content)), body=b"")

        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_put_may_come_without_a_content_type(repository: Repository) -> None:
    content = unique()
    path = closing(repository.open_upload(), digest_of(content))

    assert repository.client.put(path, body=content).status == 201


@pytest.mark.parametrize("content_range", ["0-63", "bytes 0-63/64", "0-63/64"])
def test_a_put_may_tell_the_range_of_its_body(content_range: str, repository: Repository) -> None:
    content = unique(64)
    path = closing(repository.open_upload(), digest_of(content))

    answer = repository.client.put(path, body=content, headers=[("Content-Range", content_range)])

    assert answer.status == 201


@pytest.mark.parametrize("query", ["", "?digest=", "?Digest=sha256:{hex}", "?_state=1"])
def test_a_put_without_a_digest_is_refused_and_leaves_the_session(
    query: str, repository: Repository
) -> None:
    content, location = unique(), repository.open_upload()
    query = query.format(hex=digest_of(content).partition(":")[2])

    answer = repository.client.put(location + query, body=content, headers=OCTETS)

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert repository.client.get(location).status == 204


def test_a_put_with_two_different_digests_creates_no_blob(
    repository: Repository,
) -> None:
    content, other = unique(), unique()
    query = f"?digest={digest_of(content)}&digest={digest_of(other)}"

    answer = repository.client.put(repository.open_upload() + query, body=content, headers=OCTETS)

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert not repository.has_blob(digest_of(content))
    assert not repository.has_blob(digest_of(other))


def test_a_session_may_be_addressed_by_an_absolute_location(repository: Repository) -> None:
    content = unique()
    path = closing(repository.open_upload(), digest_of(content))

    answer = repository.client.put(f"http://{repository.client.host}{path}", body=content)

    assert answer.status == 201

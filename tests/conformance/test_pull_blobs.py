"""Sections "Pulling blobs" and "Checking if content exists in the registry" (end-2)."""

import pytest

from tests.conformance.client import Client, escaped
from tests.conformance.conftest import Stocked
from tests.conformance.content import digest_of, unique, unknown_digest
from tests.conformance.repository import Repository

HEX = "0123456789abcdef" * 4

# Not what the grammar of digests allows, or not what its algorithm produces. Others are in
# tests/artifacts/oci.
MALFORMED_DIGESTS = [
    "sha256:abc",
    "sha256:" + HEX.upper(),
    "sha256:" + HEX[:-1] + "\0",
    "sha512:" + HEX,
    "..",
]
# Fine by the grammar, in an algorithm that nobody has to support.
UNSUPPORTED_DIGESTS = ["md5:d41d8cd98f00b204e9800998ecf8427e", "blake3:" + HEX]


def test_a_get_of_an_existing_blob_provides_it(stocked: Stocked) -> None:
    answer = stocked.repository.client.get(stocked.repository.blob(stocked.digest))

    assert answer.status == 200
    assert answer.body == stocked.blob


def test_a_pulled_blob_comes_with_its_digest_length_and_type(stocked: Stocked) -> None:
    answer = stocked.repository.client.get(stocked.repository.blob(stocked.digest))

    assert answer.header("Docker-Content-Digest") == stocked.digest
    assert answer.header("Content-Length") == "1000"
    assert answer.header("Content-Type") == "application/octet-stream"
    assert answer.header("Accept-Ranges") == "bytes"


def test_a_head_of_an_existing_blob_answers_its_size_and_digest(stocked: Stocked) -> None:
    answer = stocked.repository.client.head(stocked.repository.blob(stocked.digest))

    assert answer.status == 200
    assert answer.header("Content-Length") == "1000"
    assert answer.header("Docker-Content-Digest") == stocked.digest


def test_head_and_get_of_a_blob_have_the_same_headers(stocked: Stocked) -> None:
    """RFC 9110 section 9.3.2."""
    path = stocked.repository.blob(stocked.digest)

    head = dict(stocked.repository.client.head(path).headers)
    get = dict(stocked.repository.client.get(path).headers)

    assert {name.lower() for name in head} == {name.lower() for name in get}
    for name in set(head) - {"date", "Date"}:
        assert head[name] == get[name]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_that_is_not_in_the_repository_is_not_found(
    method: str, algorithm: str, stocked: Stocked
) -> None:
    path = stocked.repository.blob(unknown_digest(algorithm))

    answer = stocked.repository.client.request(method, path)

    assert answer.status == 404
    assert method == "HEAD" or answer.code == "BLOB_UNKNOWN"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("digest", MALFORMED_DIGESTS)
def test_a_malformed_digest_is_invalid(digest: str, method: str, stocked: Stocked) -> None:
    path = stocked.repository.blob(escaped(digest))

    answer = stocked.repository.client.request(method, path)

    assert answer.status == 400
    assert method == "HEAD" or answer.code == "DIGEST_INVALID"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("digest", UNSUPPORTED_DIGESTS)
def test_a_blob_by_a_digest_of_an_unsupported_algorithm_is_not_found(
    digest: str, method: str, stocked: Stocked
) -> None:
    answer = stocked.repository.client.request(method, stocked.repository.blob(escaped(digest)))

    assert answer.status == 404
    assert method == "HEAD" or answer.code == "BLOB_UNKNOWN"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_blob_of_another_repository_is_not_found_here(
    method: str, stocked: Stocked, repository: Repository
) -> None:
    """A blob is visible only where it was pushed or mounted."""
    repository.push_blob(unique())

    answer = repository.client.request(method, repository.blob(stocked.digest))

    assert answer.status == 404


def test_a_manifest_is_no_blob(stocked: Stocked) -> None:
    answer = stocked.repository.client.get(stocked.repository.blob(stocked.image.digest))

    assert answer.status == 404


def test_a_blob_in_a_repository_that_does_not_exist_is_not_found(
    repository: Repository, stocked: Stocked
) -> None:
    answer = repository.client.get(repository.blob(stocked.digest))

    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


def test_an_escaped_colon_in_the_digest_means_the_same(stocked: Stocked) -> None:
    path = stocked.repository.blob(stocked.digest.replace(":", "%3A"))

    assert stocked.repository.client.get(path).body == stocked.blob


def test_the_empty_blob_is_a_blob(repository: Repository) -> None:
    digest = repository.push_blob(b"")["digest"]

    answer = repository.client.get(repository.blob(digest))

    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("Content-Length") == "0"
    assert answer.header("Docker-Content-Digest") == digest


def test_a_blob_of_several_pieces_arrives_whole(repository: Repository) -> None:
    content = unique(3 * 1024 * 1024 + 17)
    digest = repository.push_blob(content)["digest"]

    answer = repository.client.get(repository.blob(digest))

    assert digest_of(answer.body) == digest


def test_anyone_may_pull_from_a_public_repository(public: Repository, anonymous: Client) -> None:
    content = unique()
    digest = public.push_blob(content)["digest"]

    assert anonymous.get(public.blob(digest)).body == content


def test_nobody_else_may_pull_from_a_private_repository(
    stocked: Stocked, anonymous: Client, bob: Client
) -> None:
    for caller in (anonymous, bob):
        answer = caller.get(stocked.repository.blob(stocked.digest))

        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")

"""Sections "Pulling manifests" and "Checking if content exists in the registry" (end-3)."""

import pytest

from tests.conformance.client import Client, escaped
from tests.conformance.conftest import Stocked
from tests.conformance.content import OCI_MANIFEST, digest_of, unknown_digest
from tests.conformance.repository import Repository
from tests.conformance.test_pull_blobs import MALFORMED_DIGESTS, UNSUPPORTED_DIGESTS

# Neither a tag nor a digest. Those with a colon are judged as digests.
ILLEGAL_TAGS = [".hidden", "a" * 129, "a b", "a\0b", "\u65e5\u672c"]  # others: tests/artifacts/oci


@pytest.mark.parametrize("reference", ["tag", "digest"])
def test_a_get_of_an_existing_manifest_provides_its_exact_bytes(
    reference: str, stocked: Stocked
) -> None:
    wanted = stocked.tag if reference == "tag" else stocked.image.digest

    answer = stocked.repository.client.get(stocked.repository.manifest(wanted))

    assert answer.status == 200
    assert answer.body == stocked.image.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("reference", ["tag", "digest"])
def test_a_pulled_manifest_comes_with_its_digest_length_and_type(
    reference: str, method: str, stocked: Stocked
) -> None:
    wanted = stocked.tag if reference == "tag" else stocked.image.digest

    answer = stocked.repository.client.request(method, stocked.repository.manifest(wanted))

    assert answer.status == 200
    assert answer.header("Docker-Content-Digest") == stocked.image.digest
    assert answer.header("Content-Length") == str(len(stocked.image.body))
    assert answer.header("Content-Type") == OCI_MANIFEST


def test_head_and_get_of_a_manifest_have_the_same_headers(stocked: Stocked) -> None:
    path = stocked.repository.manifest("v1")

    head = dict(stocked.repository.client.head(path).headers)
    get = dict(stocked.repository.client.get(path).headers)

    assert {name.lower() for name in head} == {name.lower() for name in get}
    for name in set(head) - {"date", "Date"}:
        assert head[name] == get[name]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("reference", ["unknown", "V1", "v1.", "v", "latest", "_", "a" * 128])
def test_a_tag_that_does_not_exist_is_not_found(
    reference: str, method: str, stocked: Stocked
) -> None:
    answer = stocked.repository.client.request(method, stocked.repository.manifest(reference))

    assert answer.status == 404
    assert method == "HEAD" or answer.code == "MANIFEST_UNKNOWN"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_digest_that_does_not_exist_is_not_found(
    method: str, algorithm: str, stocked: Stocked
) -> None:
    path = stocked.repository.manifest(unknown_digest(algorithm))

    answer = stocked.repository.client.request(method, path)

    assert answer.status == 404
    assert method == "HEAD" or answer.code == "MANIFEST_UNKNOWN"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("tag", ILLEGAL_TAGS)
def test_a_tag_that_cannot_exist_is_not_found(tag: str, method: str, stocked: Stocked) -> None:
    answer = stocked.repository.client.request(method, stocked.repository.manifest(tag))

    assert answer.status == 404
    assert method == "HEAD" or answer.code == "MANIFEST_UNKNOWN"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("digest", [digest for digest in MALFORMED_DIGESTS if ":" in digest])
def test_a_malformed_digest_is_invalid(digest: str, method: str, stocked: Stocked) -> None:
    answer = stocked.repository.client.request(method, stocked.repository.manifest(digest))

    assert answer.status == 400
    assert method == "HEAD" or answer.code == "DIGEST_INVALID"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("digest", UNSUPPORTED_DIGESTS)
def test_a_manifest_by_a_digest_of_an_unsupported_algorithm_is_not_found(
    digest: str, method: str, stocked: Stocked
) -> None:
    answer = stocked.repository.client.request(method, stocked.repository.manifest(digest))

    assert answer.status == 404
    assert method == "HEAD" or answer.code == "MANIFEST_UNKNOWN"


@pytest.mark.parametrize("raw", ["%ff", "%c3%28", "%e2%82", "%ed%a0%80", "a%2fb", "%2e%2e", "%"])
def test_bytes_that_are_no_text_are_no_reference(raw: str, stocked: Stocked) -> None:
    client = stocked.repository.client

    for method in ("GET", "HEAD", "DELETE"):
        answer = client.request(method, stocked.repository.path(f"manifests/{raw}"))

        assert answer.status == 404


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        *((raw, 400) for raw in ("%ff", "%c3%28", "%e2%82", "%ed%a0%80", "%2e%2e", "%")),
        ("a%2fb", 404),  # it separates as a plain slash does, and no route has such a path
    ],
)
def test_no_manifest_is_pushed_under_what_is_no_reference(
    raw: str, status: int, stocked: Stocked
) -> None:
    answer = stocked.repository.client.put(stocked.repository.path(f"manifests/{raw}"))

    assert answer.status == status


def test_a_blob_is_no_manifest(stocked: Stocked) -> None:
    answer = stocked.repository.client.get(stocked.repository.manifest(stocked.digest))

    assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")


def test_a_manifest_of_another_repository_is_not_found_here(
    stocked: Stocked, repository: Repository
) -> None:
    repository.push_image("v1")

    answer = repository.client.get(repository.manifest(stocked.image.digest))

    assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_pulling_from_a_nonexistent_repository_is_not_found(
    method: str, repository: Repository
) -> None:
    """Section "Pushing Manifests"."""
    answer = repository.client.request(method, repository.manifest("v1"))

    assert answer.status == 404
    assert method == "HEAD" or answer.code == "NAME_UNKNOWN"


def test_anyone_may_pull_from_a_public_repository(public: Repository, anonymous: Client) -> None:
    pushed = public.push_image("pulled-by-anyone")

    assert anonymous.get(public.manifest("pulled-by-anyone")).body == pushed.body


def test_a_private_repository_looks_like_one_that_does_not_exist(
    stocked: Stocked, anonymous: Client, bob: Client
) -> None:
    missing = f"{stocked.repository.name}-missing"

    for caller in (anonymous, bob):
        private = caller.get(stocked.repository.manifest("v1"))
        nothing = caller.get(f"/v2/{missing}/manifests/v1")

        assert (private.status, private.code) == (nothing.status, nothing.code)
        assert private.status == 401
        assert private.body.replace(stocked.repository.name.encode(), b"") == nothing.body.replace(
            missing.encode(), b""
        )


def test_a_tag_may_look_like_a_number_or_a_hash(repository: Repository) -> None:
    hexadecimal = digest_of(b"").partition(":")[2]
    pushed = repository.push_image("0")

    for tag in ("0", "000", "1.0", "_", "__", "a" * 128, hexadecimal, "sha256-" + hexadecimal):
        repository.push_manifest(pushed.body, tag)

        assert repository.client.get(repository.path(f"manifests/{escaped(tag)}")).status == 200

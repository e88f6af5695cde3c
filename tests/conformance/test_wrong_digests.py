"""Section "Pushing blobs": a digest that is invalid, unsupported or not that of the content."""

from collections.abc import Callable

import pytest

from tests.conformance.client import Answer, escaped, in_pieces
from tests.conformance.content import digest_of, unique, unknown_digest
from tests.conformance.repository import OCTETS, Repository, closing
from tests.conformance.test_pull_blobs import MALFORMED_DIGESTS, UNSUPPORTED_DIGESTS

Push = Callable[[Repository, bytes, str], Answer]


def single_post(repository: Repository, content: bytes, digest: str) -> Answer:
    path = f"{repository.uploads()}?digest={escaped(digest)}"
    return repository.client.post(path, body=content, headers=OCTETS)


def single_post_chunked(repository: Repository, content: bytes, digest: str) -> Answer:
    path = f"{repository.uploads()}?digest={escaped(digest)}"
    return repository.client.post(path, body=in_pieces(content, 10), headers=OCTETS)


def post_put(repository: Repository, content: bytes, digest: str) -> Answer:
    return repository.commit(repository.open_upload(), digest, content)


def post_put_chunked(repository: Repository, content: bytes, digest: str) -> Answer:
    return repository.commit(repository.open_upload(), digest, in_pieces(content, 10))


def post_patch_put(repository: Repository, content: bytes, digest: str) -> Answer:
    location = repository.open_upload()
    repository.client.patch(location, body=content, headers=OCTETS)
    return repository.commit(location, digest)


def post_stream_put(repository: Repository, content: bytes, digest: str) -> Answer:
    location = repository.open_upload()
    repository.client.patch(location, body=in_pieces(content, 10), headers=OCTETS)
    return repository.commit(location, digest)


def post_patch_put_with_last_chunk(repository: Repository, content: bytes, digest: str) -> Answer:
    location = repository.open_upload()
    repository.client.patch(location, body=content[:20], headers=OCTETS)
    return repository.commit(location, digest, content[20:])


def failed_mount(repository: Repository, content: bytes, digest: str) -> Answer:
    location = repository.open_upload(mount=unknown_digest(), **{"from": repository.name})
    return repository.commit(location, digest, content)


WAYS = [
    single_post,
    single_post_chunked,
    post_put,
    post_put_chunked,
    post_patch_put,
    post_stream_put,
    post_patch_put_with_last_chunk,
    failed_mount,
]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("push", WAYS)
def test_every_way_of_pushing_works_with_the_right_digest(
    push: Push, algorithm: str, repository: Repository
) -> None:
    content = unique()
    digest = digest_of(content, algorithm)

    answer = push(repository, content, digest)

    assert answer.status == 201
    assert answer.header("Docker-Content-Digest") == digest
    assert repository.client.get(answer.header("Location")).body == content


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("push", WAYS)
def test_every_way_of_pushing_refuses_the_digest_of_other_content(
    push: Push, algorithm: str, repository: Repository
) -> None:
    content, wrong = unique(), unknown_digest(algorithm)

    answer = push(repository, content, wrong)

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert not repository.has_blob(wrong)
    assert not repository.has_blob(digest_of(content))


@pytest.mark.parametrize("digest", [*MALFORMED_DIGESTS, *UNSUPPORTED_DIGESTS])
def test_a_put_refuses_a_digest_it_cannot_verify(digest: str, writable: Repository) -> None:
    content, location = unique(), writable.open_upload()

    answer = writable.commit(location, digest, content)

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert writable.client.get(location).status == 204


@pytest.mark.parametrize("digest", [*MALFORMED_DIGESTS, *UNSUPPORTED_DIGESTS])
def test_a_single_post_refuses_a_digest_it_cannot_verify(digest: str, writable: Repository) -> None:
    answer = single_post(writable, unique(), digest)

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("held", [0, 40])
def test_a_wrong_digest_leaves_the_session_as_it_was(held: int, repository: Repository) -> None:
    content, location = unique(64), repository.open_upload()
    if held:
        repository.client.patch(location, body=content[:held], headers=OCTETS)

    refused = repository.commit(location, unknown_digest(), content[held:])

    assert refused.status == 400
    assert repository.offset(location) == held
    assert repository.commit(location, digest_of(content), content[held:]).status == 201


def test_a_wrong_digest_after_all_chunks_may_be_corrected(repository: Repository) -> None:
    content, location = unique(64), repository.open_upload()
    repository.client.patch(location, body=content, headers=OCTETS)

    assert repository.commit(location, unknown_digest()).status == 400

    assert repository.commit(location, digest_of(content)).status == 201


@pytest.mark.parametrize("wrong", ["shorter", "longer", "other"])
def test_the_digest_of_a_part_is_not_the_digest_of_the_whole(
    wrong: str, repository: Repository
) -> None:
    content = unique(64)
    sent = {"shorter": content[:-1], "longer": content + b"x", "other": content[::-1]}[wrong]

    assert post_put(repository, sent, digest_of(content)).status == 400
    assert not repository.has_blob(digest_of(content))


def test_the_digest_in_a_put_covers_the_whole_blob_not_the_last_chunk(
    repository: Repository,
) -> None:
    content = unique(64)

    answer = post_patch_put_with_last_chunk(repository, content, digest_of(content[20:]))

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


def test_a_digest_of_nothing_is_not_the_digest_of_something(repository: Repository) -> None:
    assert post_put(repository, b"x", digest_of(b"")).status == 400
    assert post_put(repository, b"", digest_of(b"x")).status == 400


@pytest.mark.parametrize("named", ["sha512", "sha256"])
@pytest.mark.parametrize("used", ["sha512", "sha256"])
def test_the_algorithm_announced_by_the_post_binds_nobody(
    named: str, used: str, repository: Repository
) -> None:
    """Section "Pushing a blob in chunks", end-4c: the parameter is a hint for hashing early."""
    content = unique(100)
    location = repository.open_upload(**{"digest-algorithm": named})
    repository.client.patch(location, body=content[:50], headers=OCTETS)

    answer = repository.commit(location, digest_of(content, used), content[50:])

    assert answer.status == 201
    assert repository.has_blob(digest_of(content, used))


@pytest.mark.parametrize("algorithm", ["md5", "sha384", "blake3", "", "SHA512", "sha512:", "\x00"])
def test_an_algorithm_the_registry_does_not_know_is_refused(
    algorithm: str, repository: Repository
) -> None:
    answer = repository.client.post(repository.uploads(**{"digest-algorithm": algorithm}))

    assert answer.status == 400 or (algorithm == "" and answer.status == 202)
    assert answer.code in {"DIGEST_INVALID", ""}


@pytest.mark.parametrize("order", [["sha256", "sha512"], ["sha512", "sha256"]])
def test_one_content_may_have_a_digest_of_each_algorithm(
    order: list[str], repository: Repository
) -> None:
    content = unique()

    for algorithm in order:
        repository.push_blob(content, algorithm=algorithm)

    for algorithm in order:
        digest = digest_of(content, algorithm)
        answer = repository.client.get(repository.blob(digest))
        assert answer.body == content
        assert answer.header("Docker-Content-Digest") == digest


def test_a_refused_push_may_be_repeated_at_once(repository: Repository) -> None:
    content = unique()
    for wrong in (unknown_digest(), "sha256:x"):
        assert post_put(repository, content, wrong).status == 400

    assert repository.client.put(
        closing(repository.open_upload(), digest_of(content)), body=content
    ).header("Location")

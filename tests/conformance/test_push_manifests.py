"""Section "Pushing Manifests" (end-7a): what a push answers, and what it stores."""

import pytest

from tests.conformance.client import Client, Headers
from tests.conformance.content import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    digest_of,
    encode,
    index,
    unknown_digest,
    without,
)
from tests.conformance.repository import Repository
from tests.conformance.test_pull_blobs import MALFORMED_DIGESTS, UNSUPPORTED_DIGESTS


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", ""])
def test_a_push_answers_201_with_a_pullable_location(
    algorithm: str, repository: Repository
) -> None:
    body = encode(repository.image_document())
    reference = digest_of(body, algorithm) if algorithm else "v1"

    answer = repository.put_manifest(body, reference)

    assert answer.status == 201
    assert answer.header("Docker-Content-Digest") == digest_of(body, algorithm or "sha256")
    pulled = repository.client.get(answer.header("Location"))
    assert (pulled.status, pulled.body) == (200, body)
    assert pulled.header("Content-Type") == OCI_MANIFEST


@pytest.mark.parametrize(
    "form",
    [b" \n\t%b\n\n", b"%b ", b"\r\n%b"],
    ids=["around", "after", "before"],
)
def test_the_exact_bytes_are_stored(form: bytes, repository: Repository) -> None:
    document = encode(repository.image_document(annotations={"a": "b"}))
    body = form % document.replace(b'"annotations"', b'"annot\\u0061tions"').replace(b": ", b" :\n")

    pushed = repository.push_manifest(body, "v1")

    assert repository.client.get(repository.manifest("v1")).body == body
    assert repository.client.get(repository.manifest(pushed.digest)).body == body


def test_numbers_are_not_rewritten(repository: Repository) -> None:
    body = encode(repository.image_document(x="X")).replace(
        b'"X"', b"[1.0, 1E400, 123456789012345678901234567890, -0, 1e-7]"
    )

    repository.push_manifest(body, "v1")

    assert repository.client.get(repository.manifest("v1")).body == body


@pytest.mark.parametrize(
    "digest", [*(d for d in MALFORMED_DIGESTS if ":" in d), *UNSUPPORTED_DIGESTS]
)
def test_a_push_by_a_digest_nobody_can_verify_is_refused(digest: str, writable: Repository) -> None:
    answer = writable.put_manifest(index([]), digest, OCI_INDEX)

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_push_by_the_digest_of_other_bytes_is_refused(
    algorithm: str, repository: Repository
) -> None:
    body = encode(repository.image_document())

    answer = repository.put_manifest(body + b"  ", digest_of(body, algorithm))

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    path = repository.manifest(digest_of(body, algorithm))
    assert repository.client.get(path).status == 404


@pytest.mark.parametrize("parameters", ["; charset=utf-8", ";charset=UTF-8; q=1", " "])
def test_parameters_of_the_content_type_are_ignored(
    parameters: str, repository: Repository
) -> None:
    repository.put_manifest(repository.image_document(), "v1", OCI_MANIFEST + parameters)

    answer = repository.client.get(repository.manifest("v1"))

    assert answer.header("Content-Type") == OCI_MANIFEST


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/octet-stream",
        "text/plain",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.manifest.v2+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
        OCI_MANIFEST + "," + OCI_INDEX,
    ],
)
@pytest.mark.parametrize("field", [True, False], ids=["field", "no-field"])
def test_a_manifest_of_an_unknown_type_is_unsupported(
    field: bool, media_type: str, writable: Repository
) -> None:
    document = writable.image_document()
    body = encode(document if field else without(document, "mediaType"))

    answer = writable.put_manifest(body, media_type=media_type)

    assert (answer.status, answer.code) == (415, "MANIFEST_INVALID")
    assert writable.client.get(writable.manifest(digest_of(body))).status == 404


@pytest.mark.parametrize("headers", [[], [("Content-Type", "")]], ids=["none", "empty"])
def test_a_manifest_without_a_content_type_is_what_its_field_says(
    headers: Headers, repository: Repository
) -> None:
    body = encode(repository.image_document())

    answer = repository.client.put(repository.manifest("v1"), body=body, headers=headers)

    assert answer.status == 201
    pulled = repository.client.head(repository.manifest("v1"))
    assert pulled.header("Content-Type") == OCI_MANIFEST


@pytest.mark.parametrize("headers", [[], [("Content-Type", "")]], ids=["none", "empty"])
def test_a_manifest_that_nothing_gives_a_type_is_refused(
    headers: Headers, repository: Repository
) -> None:
    body = encode(without(repository.image_document(), "mediaType"))

    answer = repository.client.put(repository.manifest("v1"), body=body, headers=headers)

    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("field", [True, False], ids=["field", "no-field"])
def test_a_content_type_that_is_no_text_is_unsupported(field: bool, repository: Repository) -> None:
    document = repository.image_document()
    body = encode(document if field else without(document, "mediaType"))

    answer = repository.put_manifest(body, "v1", media_type="\xff/\xfe")

    assert (answer.status, answer.code) == (415, "MANIFEST_INVALID")


def test_a_push_by_digest_makes_no_tag(repository: Repository) -> None:
    pushed = repository.push_image()

    assert repository.tags() == []
    assert repository.client.get(repository.manifest(pushed.digest)).status == 200


def test_a_push_by_tag_moves_the_tag(repository: Repository) -> None:
    repository.push_image("v1")
    after = repository.push_image("v1")

    assert repository.client.get(repository.manifest("v1")).body == after.body
    assert repository.client.get(repository.manifest(after.digest)).body == after.body


def test_what_a_moved_tag_leaves_is_pulled_by_its_digest_with_a_warning(
    repository: Repository,
) -> None:
    before = repository.push_image("v1")
    repository.push_image("v1")

    answer = repository.client.get(repository.manifest(before.digest))

    assert answer.body == before.body
    assert answer.header("Warning").startswith("299 ")


def test_a_manifest_that_a_moved_tag_leaves_stays_under_its_other_tags(
    repository: Repository,
) -> None:
    before = repository.push_image("v1")
    repository.push_manifest(before.body, "kept")
    repository.push_image("v1")

    assert repository.client.get(repository.manifest(before.digest)).body == before.body


def test_the_same_push_twice_is_one_manifest(repository: Repository) -> None:
    body = encode(repository.image_document())

    for _ in range(2):
        repository.push_manifest(body, "v1")

    assert repository.tags() == ["v1"]


def test_the_same_bytes_under_another_type_are_refused_or_kept_apart(
    repository: Repository,
) -> None:
    """A document without ``mediaType`` can be read as two types; which one is stored once."""
    body = encode(without(repository.image_document(), "mediaType"))
    repository.push_manifest(body, "v1")

    repository.put_manifest(body, "v2", DOCKER_MANIFEST)

    assert repository.client.head(repository.manifest("v1")).header("Content-Type") == OCI_MANIFEST


def test_who_may_not_write_pushes_no_manifest(
    readable: Repository, bob: Client, anonymous: Client
) -> None:
    for caller in (bob, anonymous):
        answer = readable.seen_by(caller).put_manifest(index([]), "v1", OCI_INDEX)

        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert "push" in answer.challenge["scope"]


@pytest.mark.parametrize("reference", ["v1", ""])
def test_a_manifest_may_make_its_repository(reference: str, repository: Repository) -> None:
    assert repository.put_manifest(index([]), reference, OCI_INDEX).status == 201


def test_a_chunked_manifest_is_taken(repository: Repository) -> None:
    body = encode(repository.image_document())
    pieces = [body[:100], body[100:]]
    headers = [("Content-Type", OCI_MANIFEST)]

    answer = repository.client.put(repository.manifest("v1"), body=pieces, headers=headers)

    assert answer.status == 201
    assert repository.client.get(repository.manifest("v1")).body == body


@pytest.mark.parametrize("reference", ["tag", "digest"])
def test_all_blobs_that_are_missing_are_named(reference: str, repository: Repository) -> None:
    """Section "Push": MANIFEST_BLOB_UNKNOWN, one or more."""
    document = repository.image_document()
    missing = [unknown_digest(), unknown_digest(), unknown_digest("sha512")]
    document["config"]["digest"] = missing[0]
    document["layers"] += [{**document["layers"][0], "digest": digest} for digest in missing[1:]]

    answer = repository.put_manifest(document, "v1" if reference == "tag" else "")

    assert (answer.status, answer.code) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert all(digest.encode() in answer.body for digest in missing)
    assert document["layers"][0]["digest"].encode() not in answer.body
    assert repository.client.get(repository.manifest("v1")).status == 404


def test_a_blob_of_another_repository_is_missing_here(
    repository: Repository, writable: Repository
) -> None:
    document = writable.image_document()

    answer = repository.put_manifest(document, "v1")

    assert (answer.status, answer.code) == (404, "MANIFEST_BLOB_UNKNOWN")


def test_a_manifest_missing_blobs_is_taken_once_they_came(repository: Repository) -> None:
    document = repository.image_document()
    late = b"late " + document["config"]["digest"].encode()
    document["layers"].append(
        {**document["layers"][0], "digest": digest_of(late), "size": len(late)}
    )
    assert repository.put_manifest(document, "v1").status == 404

    repository.push_blob(late)

    assert repository.put_manifest(document, "v1").status == 201

"""Sections "Listing Referrers" (end-12a, end-12b) and "Pushing Manifests with Subject"."""

from typing import Any

import pytest

from tests.conformance.client import Client, escaped, link
from tests.conformance.content import (
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    Document,
    descriptor,
    digest_of,
    encode,
    image,
    index,
    unknown_digest,
)
from tests.conformance.repository import Image, Repository
from tests.conformance.test_pull_blobs import MALFORMED_DIGESTS

SBOM, SIGNATURE = "application/vnd.example.sbom.v1", "application/vnd.example.signature.v1"


def attach(repository: Repository, subject: Document, **fields: object) -> Image:
    """Push an artifact about a subject."""
    empty = repository.push_blob(b"{}", OCI_EMPTY)
    return repository.push_manifest(image(empty, [empty], subject=subject, **fields))


def digests(found: list[dict[str, Any]]) -> list[str]:
    return sorted(entry["digest"] for entry in found)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("repository_exists", [True, False])
def test_an_unknown_subject_has_an_empty_index(
    repository_exists: bool, algorithm: str, repository: Repository
) -> None:
    """A registry with the referrers API never answers 404 there, so clients see that it has it."""
    if repository_exists:
        repository.push_image()
    path = repository.path(f"referrers/{unknown_digest(algorithm)}")

    answer = repository.client.get(path)

    assert answer.status == 200
    assert answer.header("Content-Type") == OCI_INDEX
    assert answer.json() == {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}


@pytest.mark.parametrize("known", [True, False], ids=["known", "missing"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_push_with_a_subject_answers_with_it(
    algorithm: str, known: bool, repository: Repository
) -> None:
    """``OCI-Subject`` says that no fallback tag is needed, whether or not the subject is here."""
    body = encode(repository.image_document())
    if known:
        repository.put_manifest(body, digest_of(body, algorithm))
    subject = descriptor(body, OCI_MANIFEST, algorithm=algorithm)

    for reference in ("", "v1"):
        document = repository.image_document(subject=subject)
        answer = repository.put_manifest(document, reference)

        assert answer.status == 201
        assert answer.header("OCI-Subject") == subject["digest"]


def test_a_push_without_a_subject_says_nothing_of_one(repository: Repository) -> None:
    answer = repository.put_manifest(repository.image_document(), "v1")

    assert not answer.header("OCI-Subject")


@pytest.mark.parametrize("order", ["subject first", "referrer first"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_subject_and_referrer_may_come_in_either_order(
    algorithm: str, order: str, repository: Repository
) -> None:
    body = encode(repository.image_document())
    digest = digest_of(body, algorithm)
    if order == "subject first":
        repository.put_manifest(body, digest)
    referrer = attach(repository, descriptor(body, OCI_MANIFEST, algorithm=algorithm))
    if order == "referrer first":
        repository.put_manifest(body, digest)

    assert digests(repository.referrers(digest)) == [referrer.digest]


def test_each_descriptor_says_type_size_artifact_type_and_annotations(
    repository: Repository,
) -> None:
    subject, annotations = repository.push_image(), {"org.example.a": "b", "é": "日本"}
    referrer = attach(repository, subject.descriptor(), artifactType=SBOM, annotations=annotations)

    assert repository.referrers(subject.digest) == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": referrer.digest,
            "size": len(referrer.body),
            "artifactType": SBOM,
            "annotations": annotations,
        }
    ]


@pytest.mark.parametrize("empty", [{}, {"artifactType": ""}], ids=["missing", "empty"])
def test_an_image_without_artifact_type_has_that_of_its_config(
    empty: Document, repository: Repository
) -> None:
    subject = repository.push_image()
    document = repository.image_document(subject=subject.descriptor(), **empty)
    repository.push_manifest(document)

    [found] = repository.referrers(subject.digest)

    assert found["artifactType"] == OCI_CONFIG


@pytest.mark.parametrize("artifact_type", ["", SBOM])
def test_an_index_has_its_artifact_type_or_none(artifact_type: str, repository: Repository) -> None:
    subject = repository.push_image()
    fields = {"artifactType": artifact_type} if artifact_type else {}
    document = index([], subject=subject.descriptor(), annotations={"a": "b"}, **fields)
    pushed = repository.push_manifest(document, media_type=OCI_INDEX)

    [found] = repository.referrers(subject.digest)

    assert found == pushed.descriptor(OCI_INDEX, annotations={"a": "b"}, **fields)


def test_the_filter_keeps_one_artifact_type_and_says_so(repository: Repository) -> None:
    subject = repository.push_image()
    sbom = attach(repository, subject.descriptor(), artifactType=SBOM)
    attach(repository, subject.descriptor(), artifactType=SIGNATURE)
    path = repository.path(f"referrers/{subject.digest}")

    for written in (SBOM, escaped(SBOM)):
        answer = repository.client.get(f"{path}?artifactType={written}")

        assert digests(answer.json()["manifests"]) == [sbom.digest]
        assert answer.header("OCI-Filters-Applied") == "artifactType"
        assert answer.header("Content-Type") == OCI_INDEX


def test_the_filter_knows_the_type_that_comes_from_the_config(repository: Repository) -> None:
    subject = repository.push_image()
    pushed = repository.push_image(subject=subject.descriptor())

    found = repository.referrers(subject.digest, f"?artifactType={escaped(OCI_CONFIG)}")

    assert digests(found) == [pushed.digest]


@pytest.mark.parametrize("wanted", ["application/unknown", "%", "'", "\u00e9", SBOM.upper()])
def test_a_filter_nothing_matches_gives_an_empty_index(wanted: str, repository: Repository) -> None:
    subject = repository.push_image()
    attach(repository, subject.descriptor(), artifactType=SBOM)

    found = repository.referrers(subject.digest, f"?artifactType={escaped(wanted)}")

    assert found == []


def test_without_a_filter_none_is_said_to_be_applied(repository: Repository) -> None:
    subject = repository.push_image()
    answer = repository.client.get(repository.path(f"referrers/{subject.digest}"))

    assert not answer.header("OCI-Filters-Applied")


def test_an_empty_filter_is_none_or_matches_nothing(repository: Repository) -> None:
    subject = repository.push_image()
    attach(repository, subject.descriptor(), artifactType=SBOM)

    assert len(repository.referrers(subject.digest, "?artifactType=")) in {0, 1}


@pytest.mark.parametrize("digest", MALFORMED_DIGESTS)
def test_a_malformed_digest_is_a_bad_request(digest: str, writable: Repository) -> None:
    answer = writable.client.get(writable.path(f"referrers/{escaped(digest)}"))

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("tag", ["v1", "latest"])
def test_a_tag_is_no_digest(tag: str, writable: Repository) -> None:
    assert writable.client.get(writable.path(f"referrers/{tag}")).status == 400


def test_many_referrers_are_all_listed_once(repository: Repository) -> None:
    subject = repository.push_image()
    pushed = [
        attach(repository, subject.descriptor(), annotations={"n": str(n)}).digest
        for n in range(25)
    ]

    for query in ("", "?n=2", "?n=10"):
        found: list[str] = []
        path = repository.path(f"referrers/{subject.digest}{query}")
        while path:
            answer = repository.client.get(path)
            assert answer.header("Content-Type") == OCI_INDEX
            found += [entry["digest"] for entry in answer.json()["manifests"]]
            path = link(answer)
        assert sorted(found) == sorted(pushed)


def test_a_referrer_pushed_twice_is_listed_once(repository: Repository) -> None:
    subject = repository.push_image()
    document = repository.image_document(subject=subject.descriptor())
    for reference in ("", "a", "b"):
        repository.put_manifest(document, reference)

    assert len(repository.referrers(subject.digest)) == 1


def test_a_referrer_of_a_referrer_belongs_to_it_alone(repository: Repository) -> None:
    subject = repository.push_image()
    first = attach(repository, subject.descriptor())
    second = attach(repository, first.descriptor())

    assert digests(repository.referrers(subject.digest)) == [first.digest]
    assert digests(repository.referrers(first.digest)) == [second.digest]


def test_referrers_of_another_repository_are_not_listed(
    repository: Repository, writable: Repository
) -> None:
    subject = repository.push_image()
    attach(writable, subject.descriptor())

    assert repository.referrers(subject.digest) == []


def test_who_may_not_read_lists_no_referrers(
    repository: Repository, bob: Client, anonymous: Client
) -> None:
    subject = repository.push_image()

    for caller in (bob, anonymous):
        answer = caller.get(repository.path(f"referrers/{subject.digest}"))
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")

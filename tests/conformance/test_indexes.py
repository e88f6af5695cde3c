"""Indexes that are odd but legal: nested, sparse, empty, huge."""

import pytest

from tests.conformance.content import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Document,
    descriptor,
    digest_of,
    encode,
    index,
    unique,
    unknown_digest,
    without,
)
from tests.conformance.repository import Repository
from tests.conformance.test_documents_legal import assert_kept

PLATFORMS: list[Document] = [
    {"architecture": "amd64", "os": "linux"},
    {"architecture": "arm", "os": "linux", "variant": "v7"},
    {"architecture": "unknown", "os": "unknown"},
    {"architecture": "amd64", "os": "windows", "os.version": "10.0", "os.features": ["win32k"]},
    {"architecture": "", "os": ""},
]


def test_an_index_of_platforms(repository: Repository) -> None:
    children = [repository.push_image().descriptor(platform=platform) for platform in PLATFORMS]

    assert_kept(repository, index(children, artifactType="application/vnd.example"), OCI_INDEX)


@pytest.mark.parametrize("media_type_field", [True, False])
def test_an_empty_index(media_type_field: bool, repository: Repository) -> None:
    document = index([])

    assert_kept(
        repository, document if media_type_field else without(document, "mediaType"), OCI_INDEX
    )


def test_an_index_in_an_index_in_an_index(repository: Repository) -> None:
    child = repository.push_image().descriptor()
    for _ in range(10):
        pushed = repository.push_manifest(index([child, child]), media_type=OCI_INDEX)
        child = pushed.descriptor(OCI_INDEX)

    assert_kept(repository, index([child]), OCI_INDEX)


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, OCI_LAYER])
def test_a_sparse_index_names_what_is_not_here(media_type: str, repository: Repository) -> None:
    """A build cache lists layers this way, a partial mirror manifests."""
    here = repository.push_image().descriptor()
    away = {"mediaType": media_type, "digest": unknown_digest(), "size": 1024}

    assert_kept(repository, index([here, away]), OCI_INDEX)


def test_an_index_may_list_a_blob(repository: Repository) -> None:
    assert_kept(repository, index([repository.push_blob(unique())]), OCI_INDEX)


def test_an_index_may_name_a_child_by_sha512(repository: Repository) -> None:
    body = encode(repository.image_document())
    repository.put_manifest(body, digest_of(body, "sha512"))

    assert_kept(repository, index([descriptor(body, OCI_MANIFEST, algorithm="sha512")]), OCI_INDEX)


def test_an_index_may_have_a_subject(repository: Repository) -> None:
    subject = repository.push_image().descriptor()

    assert_kept(repository, index([], subject=subject, artifactType="a/b"), OCI_INDEX)


def test_an_index_of_thousands(repository: Repository) -> None:
    children = [
        {"mediaType": OCI_MANIFEST, "digest": digest_of(b"%d" % n), "size": n} for n in range(3000)
    ]

    assert_kept(repository, index(children), OCI_INDEX)

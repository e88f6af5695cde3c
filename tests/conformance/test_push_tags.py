"""Section "Pushing Manifests": tags, by the path and by ``tag=`` (end-7b)."""

import pytest

from tests.conformance.client import escaped
from tests.conformance.content import OCI_INDEX, OCI_MANIFEST, digest_of, encode, index
from tests.conformance.repository import Repository
from tests.conformance.test_pull_manifests import ILLEGAL_TAGS

LEGAL_TAGS = ["a", "A", "0", "_", "_.-", "v1.0.0", "1.0.0_b.1", "a" * 128, "latest", "A.b-C_d"]


@pytest.mark.parametrize("tag", LEGAL_TAGS)
def test_every_legal_tag_is_taken(tag: str, repository: Repository) -> None:
    pushed = repository.push_image(tag)

    assert repository.client.get(repository.manifest(tag)).body == pushed.body
    assert repository.tags() == [tag]


@pytest.mark.parametrize("tag", ILLEGAL_TAGS)
def test_every_illegal_tag_is_refused(tag: str, writable: Repository) -> None:
    answer = writable.put_manifest(index([]), tag, OCI_INDEX)

    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert tag not in writable.tags()


def test_ten_tags_may_be_pushed_with_one_digest(repository: Repository) -> None:
    """end-7b; every tag accepted is named in ``OCI-Tag``."""
    body, tags = encode(repository.image_document()), [f"1.{n}" for n in range(10)]
    query = "&".join(f"tag={tag}" for tag in tags)
    path = f"{repository.manifest(digest_of(body))}?{query}"

    answer = repository.client.put(path, body=body, headers=[("Content-Type", OCI_MANIFEST)])

    assert answer.status == 201
    assert sorted(answer.header("OCI-Tag").replace(" ", "").split(",")) == tags
    assert repository.tags() == tags
    for tag in tags:
        assert repository.client.get(repository.manifest(tag)).body == body


def test_tags_come_with_a_sha512_digest_too(repository: Repository) -> None:
    body = encode(repository.image_document())
    digest = digest_of(body, "sha512")
    path = f"{repository.manifest(digest)}?tag=a&tag=b"

    answer = repository.client.put(path, body=body, headers=[("Content-Type", OCI_MANIFEST)])

    assert (answer.status, answer.header("Docker-Content-Digest")) == (201, digest)
    for reference in ("a", "b", digest):
        pulled = repository.client.get(repository.manifest(reference))
        algorithm = pulled.header("Docker-Content-Digest").partition(":")[0]
        assert pulled.body == body
        assert pulled.header("Docker-Content-Digest") == digest_of(body, algorithm)


def test_the_same_tag_named_twice_is_one_tag(repository: Repository) -> None:
    body = encode(repository.image_document())
    path = f"{repository.manifest(digest_of(body))}?tag=a&tag=a"

    answer = repository.client.put(path, body=body, headers=[("Content-Type", OCI_MANIFEST)])

    assert answer.status == 201
    assert repository.tags() == ["a"]


def test_many_tags_are_taken(repository: Repository) -> None:
    body = encode(repository.image_document())
    query = "&".join(f"tag=t{n:03}" for n in range(100))
    path = f"{repository.manifest(digest_of(body))}?{query}"

    answer = repository.client.put(path, body=body, headers=[("Content-Type", OCI_MANIFEST)])

    assert answer.status == 201
    assert len(repository.tags()) == 100


@pytest.mark.parametrize("tag", [tag for tag in ILLEGAL_TAGS if len(tag) < 200])
def test_an_illegal_tag_parameter_refuses_the_whole_push(tag: str, writable: Repository) -> None:
    body = encode(index([], annotations={"for": tag}))
    path = f"{writable.manifest(digest_of(body))}?tag=good&tag={escaped(tag)}"

    answer = writable.client.put(path, body=body, headers=[("Content-Type", OCI_INDEX)])

    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert "good" not in writable.tags()


def test_an_empty_tag_parameter_is_refused(writable: Repository) -> None:
    body = encode(index([]))
    path = f"{writable.manifest(digest_of(body))}?tag="

    answer = writable.client.put(path, body=body, headers=[("Content-Type", OCI_INDEX)])

    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert "" not in writable.tags()


def test_a_tag_parameter_on_a_push_by_tag_is_refused_or_says_what_it_did(
    repository: Repository,
) -> None:
    body = encode(index([]))
    path = repository.manifest("one") + "?tag=two"

    answer = repository.client.put(path, body=body, headers=[("Content-Type", OCI_INDEX)])

    named = set(answer.header("OCI-Tag").replace(" ", "").split(",")) - {""}
    expected = {"one", *named} if answer.status == 201 else set()
    listed = repository.client.get(repository.path("tags/list"))
    assert set(listed.json().get("tags", [])) == expected

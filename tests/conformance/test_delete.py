"""Section "Content Management" (end-9, end-10): deleting tags, manifests and blobs."""

import pytest

from tests.conformance.client import Client
from tests.conformance.content import OCI_INDEX, index, unique, unknown_digest
from tests.conformance.repository import Repository


def test_a_deleted_tag_is_gone_and_its_manifest_stays(repository: Repository) -> None:
    pushed = repository.push_image("v1")
    repository.push_manifest(pushed.body, "v2")

    answer = repository.client.delete(repository.manifest("v1"))

    assert answer.status == 202
    assert repository.client.get(repository.manifest("v1")).status == 404
    assert repository.client.get(repository.manifest("v2")).body == pushed.body
    assert repository.client.get(repository.manifest(pushed.digest)).body == pushed.body
    assert repository.tags() == ["v2"]


def test_a_deleted_manifest_is_gone_with_every_tag_that_points_at_it(
    repository: Repository,
) -> None:
    pushed = repository.push_image("v1")
    repository.push_manifest(pushed.body, "v2")
    other = repository.push_image("other")

    answer = repository.client.delete(repository.manifest(pushed.digest))

    assert answer.status == 202
    for reference in ("v1", "v2", pushed.digest):
        for method in ("GET", "HEAD"):
            gone = repository.client.request(method, repository.manifest(reference))
            assert gone.status == 404
    assert repository.tags() == ["other"]
    assert repository.client.get(repository.manifest("other")).body == other.body


def test_a_deleted_blob_is_gone(repository: Repository) -> None:
    digest = repository.push_blob(unique())["digest"]

    assert repository.client.delete(repository.blob(digest)).status == 202

    for method in ("GET", "HEAD", "DELETE"):
        assert repository.client.request(method, repository.blob(digest)).status == 404


def test_a_blob_deleted_here_stays_elsewhere(repository: Repository, writable: Repository) -> None:
    content = unique()
    digest = repository.push_blob(content)["digest"]
    writable.push_blob(content)

    repository.client.delete(repository.blob(digest))

    assert writable.client.get(writable.blob(digest)).body == content


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_deleting_by_sha512_works_like_by_sha256(algorithm: str, repository: Repository) -> None:
    blob = repository.push_blob(unique(), algorithm=algorithm)["digest"]

    assert repository.client.delete(repository.blob(blob)).status == 202
    assert not repository.has_blob(blob)


@pytest.mark.parametrize("reference", ["tag", "digest"])
def test_deleting_twice_is_not_found(reference: str, repository: Repository) -> None:
    pushed = repository.push_image("v1")
    repository.push_image("kept")
    path = repository.manifest("v1" if reference == "tag" else pushed.digest)

    assert repository.client.delete(path).status == 202

    again = repository.client.delete(path)
    assert (again.status, again.code) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_deleting_what_never_was_is_not_found(algorithm: str, writable: Repository) -> None:
    digest = unknown_digest(algorithm)

    blob = writable.client.delete(writable.blob(digest))
    manifest = writable.client.delete(writable.manifest(digest))

    assert (blob.status, blob.code) == (404, "BLOB_UNKNOWN")
    assert (manifest.status, manifest.code) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("kind", ["manifests/v1", "manifests/{digest}", "blobs/{digest}"])
def test_deleting_in_a_repository_that_does_not_exist_is_not_found(
    kind: str, repository: Repository
) -> None:
    answer = repository.client.delete(repository.path(kind.format(digest=unknown_digest())))

    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


def test_what_was_deleted_may_be_pushed_again(repository: Repository) -> None:
    content = unique()
    layer = repository.push_blob(content)
    pushed = repository.push_image("v1")

    repository.client.delete(repository.blob(layer["digest"]))
    repository.client.delete(repository.manifest(pushed.digest))
    repository.push_blob(content)
    repository.push_manifest(pushed.body, "v1")

    assert repository.client.get(repository.blob(layer["digest"])).body == content
    assert repository.client.get(repository.manifest("v1")).body == pushed.body
    assert repository.tags() == ["v1"]


@pytest.mark.parametrize("kind", ["config", "layer"])
def test_a_blob_that_a_manifest_needs_is_not_deleted(kind: str, repository: Repository) -> None:
    """docs/protocol.md; section "Deleting Blobs" allows 405 to whoever does not delete."""
    document = repository.image_document()
    pushed = repository.push_manifest(document, "v1")
    needed = document["config"] if kind == "config" else document["layers"][0]
    before = repository.client.get(repository.blob(needed["digest"])).body

    answer = repository.client.delete(repository.blob(needed["digest"]))

    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
    assert pushed.digest.encode() in answer.body
    assert repository.client.get(repository.blob(needed["digest"])).body == before


def test_an_index_outlives_a_deleted_child(repository: Repository) -> None:
    child = repository.push_image()
    listed = repository.push_manifest(index([child.descriptor()]), "v1", OCI_INDEX)

    answer = repository.client.delete(repository.manifest(child.digest))

    assert answer.status == 202
    assert repository.client.get(repository.manifest("v1")).body == listed.body


def test_a_child_outlives_its_deleted_index(repository: Repository) -> None:
    child = repository.push_image()
    listed = repository.push_manifest(index([child.descriptor()]), "v1", OCI_INDEX)

    assert repository.client.delete(repository.manifest(listed.digest)).status == 202

    assert repository.client.get(repository.manifest(child.digest)).body == child.body


@pytest.mark.parametrize("kind", ["tag", "manifest", "blob", "missing"])
def test_who_may_not_write_deletes_nothing(
    kind: str, readable: Repository, bob: Client, anonymous: Client
) -> None:
    pushed = readable.push_image("v1")
    blob = readable.push_blob(unique())["digest"]
    path = {
        "tag": readable.manifest("v1"),
        "manifest": readable.manifest(pushed.digest),
        "blob": readable.blob(blob),
        "missing": readable.manifest("missing"),
    }[kind]

    for caller in (bob, anonymous):
        answer = caller.delete(path)
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert answer.challenge["error"] == "insufficient_scope"
    assert readable.client.get(readable.manifest("v1")).body == pushed.body
    assert readable.has_blob(blob)


def test_who_may_write_may_delete(writable: Repository, bob: Client) -> None:
    pushed = writable.push_image("deleted-by-bob")

    assert bob.delete(writable.manifest("deleted-by-bob")).status == 202
    assert bob.delete(writable.manifest(pushed.digest)).status == 202


def test_a_token_to_pull_does_not_delete(repository: Repository) -> None:
    repository.push_image("v1")
    headers = repository.client.bearer(f"repository:{repository.name}:pull")

    answer = repository.client.send("DELETE", repository.manifest("v1"), headers=headers)

    assert answer.status == 401
    assert repository.tags() == ["v1"]


@pytest.mark.parametrize("actions", ["*", "push,pull,delete", "delete,pull", "delete"])
def test_a_token_that_real_clients_ask_for_deletes(actions: str, repository: Repository) -> None:
    """skopeo asks for ``*``, crane for ``push,pull,delete``, oras for what the challenge says."""
    repository.push_image("v1")
    headers = repository.client.bearer(f"repository:{repository.name}:{actions}")

    answer = repository.client.send("DELETE", repository.manifest("v1"), headers=headers)

    assert answer.status == 202


def test_a_token_to_push_does_not_delete(repository: Repository) -> None:
    repository.push_image("v1")
    headers = repository.client.bearer(f"repository:{repository.name}:pull,push")

    answer = repository.client.send("DELETE", repository.manifest("v1"), headers=headers)

    assert answer.status == 401
    assert repository.tags() == ["v1"]

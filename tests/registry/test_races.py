"""What holds when requests meet. The same on SQLite and PostgreSQL."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from django.db import connection

from artifacts.oci.digest import Digest
from artifacts.oci.errors import (
    BlobUnknown,
    ManifestBlobUnknown,
    ManifestUnknown,
)
from registry.blobs.models import Blob, BlobLink
from registry.blobs.services import find_blob, mount_blob
from registry.manifests.models import Manifest, ManifestBlob
from registry.manifests.removal import BlobInUse, delete_blob, delete_manifest
from registry.repositories.models import Repository, RepositoryGrant
from registry.repositories.services import find_or_create_repository
from registry.tags.models import Tag
from registry.tags.services import delete_tag
from tests.registry.builders import (
    NOW,
    hold,
    image,
    index,
    make_organization,
    make_repository,
    owner_of,
    push,
)
from tests.registry.stored import assert_only_known_files_are_left, content_of, stored_files
from tests.threads import Aside, at_once, held_open, meanwhile

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 8


@pytest.fixture
def repository() -> Repository:
    return make_repository()


# --- Tags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [partial(image, b"{}"), index], ids=["image", "index"])
def test_fifty_pushes_of_one_tag_leave_one_live_row_and_a_history_of_fifty(
    repository: Repository, make: Callable[..., bytes]
) -> None:
    # Images share a blob, whose link their pushes lock first; indexes meet at the tag alone.
    hold(repository, b"{}")
    bodies = [make(annotations={"n": str(n)}) for n in range(50)]

    results = at_once(*[partial(push, repository, body) for body in bodies])

    assert all(isinstance(result, Manifest) for result in results), results
    history = list(Tag.objects.filter(repository=repository, name="v1").order_by("pk"))
    assert len(history) == 50
    assert [tag.ended_at for tag in history].count(None) == 1
    assert history[-1].ended_at is None
    assert all(earlier.ended_at == later.started_at for earlier, later in pairwise(history))
    assert len({tag.manifest_id for tag in history}) == 50


def test_a_tag_that_is_moved_and_deleted_at_once_has_at_most_one_live_row(
    repository: Repository,
) -> None:
    hold(repository, b"{}")
    bodies = [image(b"{}", annotations={"n": str(n)}) for n in range(10)]
    deletions = [partial(delete_tag, repository=repository, name="v1", now=NOW)] * 10

    results = at_once(*[partial(push, repository, body) for body in bodies], *deletions)

    assert all(isinstance(result, Manifest) for result in results[:10]), results
    assert all(r is None or isinstance(r, ManifestUnknown) for r in results[10:]), results
    assert Tag.objects.live().count() <= 1
    assert Tag.objects.count() == 10


# --- Blobs --------------------------------------------------------------------------------------


def test_a_blob_pushed_eight_times_at_once_is_one_row_and_one_file(
    repository: Repository, store_root: Path
) -> None:
    for n in range(ROUNDS):
        content = f"layer {n}".encode() * 1000

        results = at_once(*[partial(hold, repository, content)] * 8)

        assert all(isinstance(result, list) for result in results), results
        assert content_of(repository, Digest.of(content)) == content
    assert Blob.objects.count() == ROUNDS == BlobLink.objects.count()
    assert len(stored_files(store_root)) == ROUNDS
    assert_only_known_files_are_left(store_root)


def test_a_blob_pushed_to_eight_repositories_at_once_is_one_file(store_root: Path) -> None:
    repositories = [make_repository(f"acme/r{n}") for n in range(8)]

    results = at_once(*[partial(hold, repository, b"layer") for repository in repositories])

    assert all(isinstance(result, list) for result in results), results
    assert Blob.objects.count() == 1
    assert BlobLink.objects.count() == 8
    assert len(stored_files(store_root)) == 1


def test_pushes_and_mounts_of_one_blob_do_not_deadlock() -> None:
    one, two = make_repository("acme/one"), make_repository("acme/two")
    hold(one, b"layer")

    def mount(source: Repository, target: Repository) -> object:
        for _ in range(ROUNDS):
            sources = Repository.objects.filter(pk=source.pk)
            mount_blob(repository=target, digest=Digest.of(b"layer"), sources=sources, now=NOW)
        return None

    def push_again(repository: Repository) -> object:
        for _ in range(ROUNDS):
            hold(repository, b"layer")
        return None

    results = at_once(
        partial(mount, one, two),
        partial(mount, two, one),
        partial(push_again, one),
        partial(push_again, two),
    )

    assert results == [None] * 4


# --- Manifests ----------------------------------------------------------------------------------


def test_a_manifest_pushed_eight_times_at_once_is_one_row(repository: Repository) -> None:
    hold(repository, b"{}", b"layer")
    body = image(b"{}", b"layer")

    results = at_once(*[partial(push, repository, body, f"v{n}") for n in range(8)])

    assert len({m.pk for m in results if isinstance(m, Manifest)}) == 1, results
    assert Manifest.objects.count() == 1
    assert ManifestBlob.objects.count() == 2
    assert Tag.objects.live().count() == 8


def test_manifests_of_the_same_blobs_in_another_order_do_not_deadlock(
    repository: Repository,
) -> None:
    layers = [bytes([n]) for n in range(12)]
    hold(repository, b"{}", *layers)
    bodies = [image(b"{}", *layers), image(b"{}", *reversed(layers))]

    def push_often(body: bytes, tag: str) -> object:
        for _ in range(ROUNDS):
            push(repository, body, tag, tags=("b", "a") if tag == "x" else ("a", "b"))
        return None

    assert at_once(
        *[partial(push_often, body, tag) for body, tag in zip(bodies, "xy", strict=True)]
    ) == [None, None]


def test_a_delete_between_the_steps_of_a_push_comes_before_or_after_it(
    repository: Repository,
) -> None:
    for table in ("tags_tag", "manifests_manifest", "blobs_bloblink"):
        hold(repository, b"{}")
        body = image(b"{}", annotations={"n": table})
        digest = Digest.parse(push(repository, body, tags=("a", "b")).digest)
        delete = partial(delete_manifest, repository=repository, digest=digest, now=NOW)

        with meanwhile(after=f'"{table}"', do=lambda: Aside(delete)) as aside:  # noqa: B023
            push(repository, body, tags=("b", "a"))

        assert aside().result() is None
        present = Manifest.objects.present().filter(digest=str(digest)).exists()
        tags = Tag.objects.live().filter(manifest__digest=str(digest))
        assert set(tags.values_list("name", flat=True)) == ({"v1", "a", "b"} if present else set())


def test_pushes_and_deletes_of_one_manifest_do_not_deadlock(repository: Repository) -> None:
    bodies = [index(annotations={"n": n}) for n in "12"]
    digests = [Digest.of(body) for body in bodies]

    def push_often(body: bytes) -> object:
        for _ in range(ROUNDS):
            push(repository, body, "c", tags=("b", "a"))
        return None

    def delete_often(digest: Digest) -> object:
        for _ in range(ROUNDS):
            with suppress(ManifestUnknown):
                delete_manifest(repository=repository, digest=digest, now=NOW)
        return None

    pushes = [partial(push_often, body) for body in bodies]
    deletes = [partial(delete_often, digest) for digest in digests]
    assert at_once(*pushes, *deletes) == [None] * 4
    assert not Tag.objects.live().filter(manifest__deleted_at__isnull=False).exists()


def test_eight_first_pushes_make_one_repository_with_one_grant(
    store_root: Path,
) -> None:
    creator = owner_of(make_organization().name)

    def first_push(n: int) -> object:
        repository = find_or_create_repository(
            path="acme/new", creator=creator, is_public=False, now=NOW
        )
        hold(repository, f"layer {n}".encode())
        return repository.pk

    results = at_once(*[partial(first_push, n) for n in range(8)])

    assert len(set(results)) == 1, results
    assert BlobLink.objects.filter(repository=Repository.objects.get()).count() == 8
    assert RepositoryGrant.objects.count() == 1


# --- Deletion -----------------------------------------------------------------------------------


def test_a_manifest_never_arrives_without_a_blob_that_is_deleted_at_once(
    repository: Repository,
) -> None:
    for n in range(ROUNDS):
        layer = f"layer {n}".encode()
        hold(repository, b"{}", layer)
        delete = partial(delete_blob, repository=repository, digest=Digest.of(layer), now=NOW)

        pushed, deleted = at_once(partial(push, repository, image(b"{}", layer)), delete)

        if isinstance(pushed, Manifest):
            assert isinstance(deleted, BlobInUse)
            assert content_of(repository, Digest.of(layer)) == layer
        else:
            assert isinstance(pushed, ManifestBlobUnknown), pushed
            assert deleted is None


def test_the_delete_of_a_blob_waits_for_the_push_that_names_it_and_is_refused(
    repository: Repository,
) -> None:
    hold(repository, b"{}")

    with held_open():
        push(repository, image(b"{}"))
        deletion = Aside(
            partial(delete_blob, repository=repository, digest=Digest.of(b"{}"), now=NOW)
        )
        assert deletion.waits()

    assert isinstance(deletion.result(), BlobInUse)
    assert ManifestBlob.objects.filter(manifest=Manifest.objects.get()).count() == 1


def test_a_push_waits_for_the_delete_of_its_blob_and_is_told(repository: Repository) -> None:
    hold(repository, b"{}")

    with held_open():
        delete_blob(repository=repository, digest=Digest.of(b"{}"), now=NOW)
        pushing = Aside(partial(push, repository, image(b"{}")))
        assert pushing.waits()

    assert isinstance(pushing.result(), ManifestBlobUnknown)
    assert not Manifest.objects.exists()


def test_a_mount_and_the_delete_of_its_source_both_tell_the_truth() -> None:
    source, target = make_repository("acme/source"), make_repository("acme/target")
    for n in range(ROUNDS):
        content = f"layer {n}".encode()
        hold(source, content)
        digest = Digest.of(content)

        mounted, _ = at_once(
            partial(
                mount_blob,
                repository=target,
                digest=digest,
                sources=Repository.objects.filter(pk=source.pk),
                now=NOW,
            ),
            partial(delete_blob, repository=source, digest=digest, now=NOW),
        )

        assert mounted in (True, False)
        assert (_find(target, digest) is not None) == mounted
        if mounted:
            assert content_of(target, digest) == content
        assert _find(source, digest) is None


if connection.vendor == "postgresql":  # SQLite has one writer at a time

    def test_pushes_to_two_repositories_that_share_a_layer_do_not_wait_for_each_other() -> None:
        one, two = make_repository("acme/one"), make_repository("acme/two")
        hold(one, b"base")
        hold(two, b"base")

        with held_open():
            push(one, image(b"base"))
            other = Aside(partial(push, two, image(b"base")))
            assert isinstance(other.result(), Manifest)

    def test_a_push_does_not_hold_up_others_who_push_its_blobs_elsewhere() -> None:
        one, two, three = (make_repository(f"acme/{name}") for name in ("one", "two", "three"))
        hold(one, b"base")
        sources = Repository.objects.filter(pk=one.pk)

        with held_open():
            push(one, image(b"base"))
            pushing = Aside(partial(hold, two, b"base"))
            assert isinstance(pushing.result(), list)

        with held_open():
            mount_blob(repository=two, digest=Digest.of(b"base"), sources=sources, now=NOW)
            pushing = Aside(partial(hold, three, b"base"))
            assert isinstance(pushing.result(), list)


def _find(repository: Repository, digest: Digest) -> object:
    try:
        return find_blob(repository=repository, digest=digest, now=NOW)
    except BlobUnknown:
        return None

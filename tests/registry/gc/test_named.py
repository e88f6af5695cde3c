"""Indexes that list blobs, as BuildKit's caches do, and images that name manifests as layers."""

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, ManifestInvalid
from artifacts.oci.media_types import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST
from artifacts.oci.names import Reference
from registry.blobs.models import Blob, BlobLink
from registry.blobs.services import mount_blob
from registry.gc.fsck import incomplete_manifests
from registry.manifests.models import Manifest, ManifestChild
from registry.manifests.reads import resolve_manifest
from registry.manifests.removal import BlobInUse, delete_blob, delete_manifest
from registry.manifests.restoration import restore_tag
from registry.manifests.sizes import content_sizes
from registry.repositories.models import Repository
from registry.tags.services import delete_tag
from tests.registry.builders import (
    LAYER_TYPE,
    NOW,
    descriptor,
    hold,
    image,
    index,
    make_repository,
    push,
)
from tests.registry.gc.conftest import Collect
from tests.registry.gc.moments import EVEN_LATER, GRACE, MUCH_LATER
from tests.ui.contents.pushed import page, tag_url

pytestmark = pytest.mark.django_db

LAYER, CONFIG = b"a layer of the cache", b'{"layers": []}'
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def cache(media_type: str = OCI_INDEX, **changed: Any) -> bytes:
    """What ``buildctl build --export-cache type=registry`` pushes."""
    entries = [descriptor(LAYER), descriptor(CONFIG, CACHE_CONFIG)]
    return index(mediaType=media_type, manifests=entries, **changed)


def is_held(repository: Repository, content: bytes) -> bool:
    return BlobLink.objects.filter(repository=repository, blob=str(Digest.of(content))).exists()


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_the_blobs_of_a_tagged_index_stay(
    repository: Repository, collected: Collect, media_type: str
) -> None:
    hold(repository, LAYER, CONFIG)
    push(repository, cache(media_type), "cache")

    collected()

    assert is_held(repository, LAYER)
    assert is_held(repository, CONFIG)


def test_the_blobs_of_an_index_go_with_it(repository: Repository, collected: Collect) -> None:
    hold(repository, LAYER, CONFIG)
    push(repository, cache(), "cache")
    delete_tag(repository=repository, name="cache", now=NOW)

    collected(NOW + GRACE)
    assert is_held(repository, LAYER)
    collected(MUCH_LATER)
    assert not is_held(repository, LAYER)
    assert not Blob.objects.exists()


def _upload(repository: Repository) -> None:
    hold(repository, LAYER)


def _mount(repository: Repository) -> None:
    hold(make_repository("acme/other"), LAYER)
    sources = Repository.objects.filter(path="acme/other")
    assert mount_blob(repository=repository, digest=Digest.of(LAYER), sources=sources, now=NOW)


@pytest.mark.parametrize("come", [_upload, _mount])
@pytest.mark.parametrize("where", ["index", "foreign layer", "subject"])
def test_a_blob_that_comes_after_what_names_it_stays(
    repository: Repository, collected: Collect, where: str, come: Callable[[Repository], None]
) -> None:
    hold(repository, CONFIG)
    naming = {
        "index": index(manifests=[descriptor(LAYER)]),
        "foreign layer": image(CONFIG, layers=[descriptor(LAYER, FOREIGN)]),
        "subject": image(CONFIG, subject=descriptor(LAYER)),
    }[where]
    push(repository, naming, "v1")
    come(repository)

    collected()

    assert is_held(repository, LAYER)
    with pytest.raises(BlobInUse, match=str(Digest.of(naming))):
        delete_blob(repository=repository, digest=Digest.of(LAYER), now=NOW)


def test_an_index_of_another_repository_keeps_no_blob_here(
    repository: Repository, collected: Collect
) -> None:
    other = make_repository("acme/other")
    hold(repository, LAYER, CONFIG)
    push(other, cache(), "cache")

    collected()

    assert not is_held(repository, LAYER)


def test_a_blob_that_an_index_lists_cannot_be_deleted_before_the_index(
    repository: Repository,
) -> None:
    hold(repository, LAYER, CONFIG)
    push(repository, cache(), "cache")

    with pytest.raises(BlobInUse):
        delete_blob(repository=repository, digest=Digest.of(LAYER), now=NOW)
    delete_manifest(repository=repository, digest=Digest.of(cache()), now=NOW)
    delete_blob(repository=repository, digest=Digest.of(LAYER), now=NOW)

    with pytest.raises(BlobUnknown):
        delete_blob(repository=repository, digest=Digest.of(LAYER), now=NOW)


def test_a_restored_index_keeps_its_blobs_again(repository: Repository, collected: Collect) -> None:
    hold(repository, LAYER, CONFIG)
    push(repository, cache(), "cache")
    delete_manifest(repository=repository, digest=Digest.of(cache()), now=NOW)
    restore_tag(repository=repository, name="cache", digest=str(Digest.of(cache())), now=NOW)

    collected(EVEN_LATER)

    assert is_held(repository, LAYER)


def test_an_index_may_not_misstate_the_size_of_a_blob(repository: Repository) -> None:
    hold(repository, LAYER)
    wrong = index(manifests=[{**descriptor(LAYER), "size": 3}])

    with pytest.raises(ManifestInvalid, match=r"manifests\[0\].size"):
        push(repository, wrong)


@pytest.mark.parametrize("named_as", [LAYER_TYPE, FOREIGN, OCI_MANIFEST])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_manifest_that_an_image_names_as_a_layer_stays_with_the_image(
    repository: Repository, collected: Collect, named_as: str, is_late: bool
) -> None:
    hold(repository, CONFIG, LAYER)
    inner = image(CONFIG, LAYER)
    if named_as != FOREIGN:
        hold(repository, inner)
    outer = image(CONFIG, layers=[descriptor(inner, named_as)])
    first, second = ((outer, "v1"), (inner, str(Digest.of(inner))))[:: -1 if not is_late else 1]
    push(repository, *first)
    push(repository, *second)

    collected()

    assert Manifest.objects.filter(digest=str(Digest.of(inner))).exists()
    assert is_held(repository, LAYER)
    delete_tag(repository=repository, name="v1", now=MUCH_LATER)
    collected(EVEN_LATER)
    assert not Manifest.objects.exists()


def test_rows_from_before_are_told_what_they_name(repository: Repository) -> None:
    hold(repository, CONFIG, LAYER)
    inner = image(CONFIG, LAYER)
    hold(repository, inner)
    push(repository, inner, str(Digest.of(inner)))
    push(repository, image(CONFIG, inner), "v1")
    push(repository, image(CONFIG, layers=[descriptor(b"away", FOREIGN)]), "v2")
    expected = set(ManifestChild.objects.values_list("parent", "child_digest"))
    ManifestChild.objects.all().delete()

    name = "registry.manifests.migrations.0007_names_of_blobs_and_manifests"
    importlib.import_module(name).name_children(apps, connection.schema_editor())

    assert len(expected) == 2
    assert set(ManifestChild.objects.values_list("parent", "child_digest")) == expected


def test_the_size_of_an_index_counts_its_blobs_and_what_its_indexes_list(
    repository: Repository,
) -> None:
    hold(repository, LAYER, CONFIG)
    inner = cache()
    push(repository, inner, "inner")
    outer = index(manifests=[descriptor(inner, OCI_INDEX), descriptor(LAYER)])
    pushed = push(repository, outer, "outer")

    size = len(outer) + len(inner) + len(LAYER) + len(CONFIG)
    assert content_sizes([pushed.id]) == {pushed.id: size}


def test_fsck_names_the_index_whose_blob_is_hidden(repository: Repository) -> None:
    hold(repository, LAYER, CONFIG)
    push(repository, cache(), "cache")
    Blob.objects.filter(pk=str(Digest.of(LAYER))).update(missing_at=NOW)

    said = list(incomplete_manifests())

    digest = Digest.of(cache())
    needs = f"acme/web@{digest} needs {Digest.of(LAYER)}; push it again to repair it"
    assert said == [needs]


def test_the_page_of_an_index_shows_its_blobs_as_blobs(db: None) -> None:
    web = make_repository("acme/web", is_public=True)
    hold(web, LAYER)
    push(web, cache(), "cache")

    text = page(tag_url(web, "cache"))

    assert '<h2 id="platforms-title">Blobs of the cache</h2>' in text
    assert CACHE_CONFIG in text
    assert text.count("not in this repository") == 1  # the config
    link = f"/acme/web/-/manifests/{Digest.of(cache())}/blobs/{Digest.of(LAYER)}"
    assert f'<a href="{link}" download>' in text
    assert b"".join(Client().get(link, headers={"host": "testserver"})) == LAYER


def test_a_list_of_tags_counts_no_blob_as_a_platform(db: None) -> None:
    web = make_repository("acme/web", is_public=True)
    hold(web, LAYER, CONFIG)
    push(web, cache(), "cache")

    assert "2 platforms" not in page("/acme/web/-/tags")


def test_an_index_of_blobs_is_pulled_as_it_was_pushed(repository: Repository) -> None:
    hold(repository, LAYER, CONFIG)
    push(repository, cache(), "cache")

    found = resolve_manifest(
        repository=repository, reference=Reference.parse("cache"), with_body=True, now=NOW
    )

    assert json.loads(found.body) == json.loads(cache())

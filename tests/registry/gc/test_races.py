"""Collections that meet pushes, mounts, deletions and each other, at every place of either.

What a client was told must stay true: after a HEAD that said 200, or a mount that said 201,
the push of the manifest succeeds, and what it names can be pulled.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from django.db import connection

from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, ManifestUnknown
from artifacts.oci.names import Reference
from registry.blobs.models import Blob
from registry.blobs.services import find_blob, mount_blob, renew_lease
from registry.gc.report import Report
from registry.gc.services import collect
from registry.manifests import reads
from registry.manifests.models import Manifest
from registry.manifests.reads import resolve_manifest
from registry.manifests.removal import delete_blob, delete_manifest
from registry.repositories.models import Repository
from registry.tags.services import delete_tag
from tests.registry.builders import descriptor, hold, image, index, make_repository, push
from tests.registry.gc.interleaving import between_statements, places_of
from tests.registry.gc.invariants import assert_clean, assert_whole
from tests.registry.gc.moments import EVEN_LATER, MUCH_LATER
from tests.registry.stored import content_of
from tests.threads import Aside, at_once, held_open

pytestmark = pytest.mark.django_db(transaction=True)

_numbers = count()


@dataclass
class Leftovers:
    """A repository in which everything is garbage; each has content of its own."""

    repository: Repository
    elsewhere: Repository

    def __post_init__(self) -> None:
        self.config, self.layer = (b'{"n": %d}' % next(_numbers) for _ in range(2))
        self.body = image(self.config, self.layer)
        self.digest = Digest.of(self.body)
        self.index = index(self.body)
        self.signature = image(self.config, subject=descriptor(self.body))
        hold(self.repository, self.config, self.layer)
        push(self.repository, self.body, str(self.digest))

    # Each does what a client does, which goes by what it was told.

    def push_what_is_missing(self) -> None:
        self._ensure_blobs(self.repository)
        push(self.repository, self.body, "v1", now=MUCH_LATER)

    def push_by_digest(self) -> None:
        self._ensure_blobs(self.repository)
        push(self.repository, self.body, str(self.digest), now=MUCH_LATER)

    def upload_all(self) -> None:
        hold(self.repository, self.config, self.layer, now=MUCH_LATER)
        push(self.repository, self.body, "v1", now=MUCH_LATER)

    def mount(self) -> None:
        for blob in (self.config, self.layer):
            mounted = mount_blob(
                repository=self.elsewhere,
                digest=Digest.of(blob),
                sources=Repository.objects.filter(pk=self.repository.pk),
                now=MUCH_LATER,
            )
            if not mounted:
                hold(self.elsewhere, blob, now=MUCH_LATER)
        push(self.elsewhere, self.body, "v1", now=MUCH_LATER)

    def list_in_an_index(self) -> None:
        try:
            found = resolve_manifest(
                repository=self.repository,
                reference=Reference(digest=self.digest),
                with_body=False,
                now=MUCH_LATER,
            )
            reads.renew_lease(manifest=found, now=MUCH_LATER)
        except ManifestUnknown:
            self.push_by_digest()
        push(self.repository, self.index, "v1", now=MUCH_LATER)

    def attach_a_signature(self) -> None:
        self.push_what_is_missing()
        self._ensure_blobs(self.repository)
        push(self.repository, self.signature, str(Digest.of(self.signature)), now=MUCH_LATER)

    def delete_by_digest(self) -> None:
        with suppress(ManifestUnknown):
            delete_manifest(repository=self.repository, digest=self.digest, now=MUCH_LATER)

    def _ensure_blobs(self, repository: Repository) -> None:
        for content in (self.config, self.layer):
            try:
                found = find_blob(repository=repository, digest=Digest.of(content), now=MUCH_LATER)
                renew_lease(blob=found, now=MUCH_LATER)
            except BlobUnknown:
                hold(repository, content, now=MUCH_LATER)


# What each leaves: the repository that holds the image now, and what is in it.
CLIENTS: dict[str, tuple[Callable[[Leftovers], None], str, tuple[str, ...]]] = {
    "asks, then pushes a tag": (Leftovers.push_what_is_missing, "acme/web", ("body",)),
    "asks, then pushes by digest": (Leftovers.push_by_digest, "acme/web", ("body",)),
    "uploads everything": (Leftovers.upload_all, "acme/web", ("body",)),
    "mounts": (Leftovers.mount, "acme/elsewhere", ("body",)),
    "asks, then lists it": (Leftovers.list_in_an_index, "acme/web", ("body", "index")),
    "attaches a signature": (Leftovers.attach_a_signature, "acme/web", ("body", "signature")),
    "deletes": (Leftovers.delete_by_digest, "acme/web", ()),
}


@pytest.fixture
def elsewhere(repository: Repository) -> Repository:
    return make_repository("acme/elsewhere")


def collect_now() -> None:
    report = Report()
    collect(now=MUCH_LATER, report=report)
    assert report.problems == []


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_client_does_between_two_steps_of_a_collection_holds(
    repository: Repository, elsewhere: Repository, store_root: Path, client: str
) -> None:
    do, path, left_there = CLIENTS[client]
    Leftovers(repository, elsewhere)
    for place in _places(collect_now, client):
        left = Leftovers(repository, elsewhere)

        with between_statements(place, lambda: do(left)) as aside:  # noqa: B023
            collect_now()

        assert aside().result() is None, (place, aside().value)
        _check(left, path, left_there, place)
    assert_clean(store_root, now=MUCH_LATER)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_collection_between_two_steps_of_a_client_takes_nothing_from_it(
    repository: Repository, elsewhere: Repository, store_root: Path, client: str
) -> None:
    do, path, left_there = CLIENTS[client]
    first = Leftovers(repository, elsewhere)
    for place in _places(lambda: do(first), client):
        left = Leftovers(repository, elsewhere)

        with between_statements(place, collect_now) as aside:
            do(left)

        assert aside().result() is None, (place, aside().value)
        _check(left, path, left_there, place)
    assert_clean(store_root, now=MUCH_LATER)


def test_collections_at_once_do_not_hinder_each_other(
    repository: Repository, elsewhere: Repository, store_root: Path
) -> None:
    for number in range(20):
        hold(repository, f"blob {number}".encode())
        Leftovers(repository, elsewhere)

    results = at_once(*[collect_now] * 4)

    assert results == [None] * 4
    collect_now()  # what one skipped, because another had it
    assert not Manifest.objects.exists()
    assert_clean(store_root, now=MUCH_LATER)


def test_collections_and_clients_at_once_do_not_deadlock(
    repository: Repository, elsewhere: Repository, store_root: Path
) -> None:
    shared = [Leftovers(repository, elsewhere) for _ in range(4)]

    def often(work: Callable[[], object]) -> object:
        for _ in range(4):
            work()
        return None

    actions: list[Callable[[], object]] = [
        collect_now,
        collect_now,
        *[left.push_what_is_missing for left in shared],
        *[left.mount for left in shared],
        *[partial(_delete_tag, left) for left in shared],
    ]
    results = at_once(*[partial(often, action) for action in actions])

    assert results == [None] * len(actions)
    assert_whole()
    assert_clean(store_root, now=EVEN_LATER)


if connection.vendor == "postgresql":  # SQLite has one writer at a time

    def test_a_collection_does_not_wait_for_a_push_under_way_and_takes_nothing_from_it(
        repository: Repository, elsewhere: Repository
    ) -> None:
        left = Leftovers(repository, elsewhere)

        with held_open():
            left.push_what_is_missing()
            aside = Aside(collect_now)
            assert aside.result() is None

        assert_whole()
        assert content_of(repository, Digest.of(left.layer)) == left.layer

    def test_a_push_of_an_index_holds_its_children_until_it_is_there(
        repository: Repository, elsewhere: Repository
    ) -> None:
        left = Leftovers(repository, elsewhere)

        with held_open():
            push(repository, index(left.body), "v1", now=MUCH_LATER)
            aside = Aside(collect_now)
            assert aside.result() is None

        assert Manifest.objects.filter(digest=str(left.digest)).exists()
        assert_whole()


def test_a_blob_deleted_by_a_client_while_it_is_collected_is_gone_once(
    repository: Repository, store_root: Path
) -> None:
    for place in range(12):
        content = f"blob {place}".encode()
        hold(repository, content)

        with between_statements(place, partial(_delete_blob, repository, content)) as aside:
            collect_now()

        assert aside().result() is None
        assert_clean(store_root, now=MUCH_LATER)
        assert not Blob.objects.exists()


def _places(work: Callable[[], object], client: str) -> range:
    """All places on SQLite, which has few; elsewhere every fourth, for each client others.

    With BERTH_EVERY_PLACE=1 all of them.
    """
    takes_all = connection.vendor == "sqlite" or os.environ.get("BERTH_EVERY_PLACE") == "1"
    step = 1 if takes_all else 4
    return range(list(CLIENTS).index(client) % step, places_of(work) + 1, step)


def _check(left: Leftovers, path: str, left_there: Sequence[str], place: int) -> None:
    assert_whole()
    holder = Repository.objects.get(path=path)
    there = Manifest.objects.present().filter(repository=holder)
    for name in ("body", "index", "signature"):
        digest = str(Digest.of(getattr(left, name)))
        assert there.filter(digest=digest).exists() == (name in left_there), (name, place)
    if left_there:
        assert content_of(holder, Digest.of(left.layer)) == left.layer
        assert content_of(holder, Digest.of(left.config)) == left.config


def _delete_tag(left: Leftovers) -> None:
    with suppress(ManifestUnknown):
        delete_tag(repository=left.repository, name="v1", now=MUCH_LATER)


def _delete_blob(repository: Repository, content: bytes) -> None:
    with suppress(BlobUnknown):
        delete_blob(repository=repository, digest=Digest.of(content), now=MUCH_LATER)

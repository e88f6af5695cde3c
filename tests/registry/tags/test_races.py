"""What holds when changes of one tag meet. The same on SQLite and PostgreSQL."""

from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.names import Reference
from registry.manifests.models import Manifest
from registry.manifests.reads import note_pull, resolve_manifest
from registry.manifests.removal import delete_manifest, delete_tag_for_good
from registry.manifests.restoration import restore_tag
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.tags.services import (
    TagImmutable,
    delete_tag,
    set_expiry,
    set_immutable,
    sweep_expired,
)
from tests.registry.builders import NOW, hold, image, make_repository, push
from tests.threads import Aside, at_once, held_open, meanwhile

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 6
HOUR = timedelta(hours=1)
ONE, TWO = (image(b"{}", annotations={"n": n}) for n in "12")
EXPIRING = image(b"{}", annotations={"quay.expires-after": "1h"})


@pytest.fixture
def repository() -> Repository:
    repository = make_repository()
    hold(repository, b"{}")
    return repository


def fix(repository: Repository) -> object:
    return set_immutable(repository=repository, name="v1", is_immutable=True, now=NOW)


def live(repository: Repository) -> Tag | None:
    return Tag.objects.live().filter(repository=repository, name="v1").first()


def test_a_tag_made_immutable_between_the_steps_of_a_push_stays_or_was_moved_before(
    repository: Repository,
) -> None:
    for table in ("blobs_bloblink", "manifests_manifest", "tags_tag"):
        Tag.objects.all().delete()
        push(repository, ONE)
        with meanwhile(after=f'"{table}"', do=lambda: Aside(partial(fix, repository))) as aside:
            try:
                push(repository, TWO)
                moved = True
            except TagImmutable:
                moved = False

        assert isinstance(aside().result(), Tag)
        tag = live(repository)
        assert tag is not None
        assert tag.is_immutable
        assert tag.manifest.digest == str(Digest.of(TWO if moved else ONE))


@pytest.mark.parametrize("by_digest", [True, False])
def test_a_tag_made_immutable_at_once_with_its_deletion_is_there_or_gone(
    repository: Repository, by_digest: bool
) -> None:
    for _ in range(ROUNDS):
        push(repository, ONE)
        delete = (
            partial(delete_manifest, repository=repository, digest=Digest.of(ONE), now=NOW)
            if by_digest
            else partial(delete_tag, repository=repository, name="v1", now=NOW)
        )

        fixed, deleted = at_once(partial(fix, repository), delete)

        if isinstance(deleted, TagImmutable):
            assert isinstance(fixed, Tag)
            set_immutable(repository=repository, name="v1", is_immutable=False, now=NOW)
        else:
            assert deleted is None
            assert isinstance(fixed, ManifestUnknown), fixed
            assert live(repository) is None


def test_the_sweep_and_a_push_of_the_expired_tag_leave_one_living_row(
    repository: Repository,
) -> None:
    for n in range(ROUNDS):
        now = NOW + n * 3 * HOUR
        push(repository, EXPIRING, now=now)
        later = now + 2 * HOUR

        pushed, *swept = at_once(
            partial(push, repository, EXPIRING, now=later),
            *[partial(sweep_expired, now=later, limit=10)] * 3,
        )

        assert isinstance(pushed, Manifest), pushed
        assert sum(n for n in swept if isinstance(n, int)) <= 1, swept
        tag = live(repository)
        assert tag is not None
        assert tag.expires_at == later + HOUR
    history = list(Tag.objects.filter(name="v1").order_by("pk"))
    assert all(
        earlier.ended_at is not None and earlier.ended_at <= later.started_at
        for earlier, later in pairwise(history)
    )


def test_the_sweep_spares_a_tag_that_is_prolonged_meanwhile(repository: Repository) -> None:
    push(repository, EXPIRING)
    prolong = partial(
        set_expiry,
        repository=repository,
        name="v1",
        expires_at=NOW + 5 * HOUR,
        now=NOW,
    )

    with held_open():
        prolong()
        sweep = Aside(partial(sweep_expired, now=NOW + 2 * HOUR, limit=10))
        sweep.waits()

    assert sweep.result() == 0
    tag = live(repository)
    assert tag is not None
    assert tag.expires_at == NOW + 5 * HOUR


def test_eight_restores_at_once_leave_one_living_row(repository: Repository) -> None:
    bodies = [image(b"{}", annotations={"n": str(n)}) for n in range(4)]
    for n, body in enumerate(bodies):
        push(repository, body, now=NOW + n * HOUR)
    delete_tag(repository=repository, name="v1", now=NOW + 5 * HOUR)

    results = at_once(
        *[
            partial(
                restore_tag,
                repository=repository,
                name="v1",
                digest=str(Digest.of(body)),
                now=NOW + 6 * HOUR,
            )
            for body in bodies * 2
        ]
    )

    assert all(isinstance(result, Tag) or "already" in str(result) for result in results), results
    assert Tag.objects.live().count() == 1
    tag = live(repository)
    assert tag is not None
    assert tag.start_reason == "restore"


def test_restores_pushes_and_deletions_of_one_tag_do_not_deadlock(
    repository: Repository, settings: Settings
) -> None:
    settings.PERMANENTLY_DELETE_TAGS = True
    push(repository, ONE)
    push(repository, TWO)

    def push_often(body: bytes) -> object:
        for _ in range(ROUNDS):
            push(repository, body)
        return None

    def often(change: partial[object]) -> object:
        for _ in range(ROUNDS):
            try:
                change()
            except Exception as error:
                assert type(error).__name__ in {"ManifestUnknown", "RestoreRefused"}, error  # noqa: PT017
        return None

    changes: list[partial[Any]] = [
        partial(restore_tag, name="v1", digest=str(Digest.of(ONE))),
        partial(delete_manifest, digest=Digest.of(TWO)),
        partial(delete_tag, name="v1"),
        partial(delete_tag_for_good, name="v1"),
    ]
    results = at_once(
        partial(push_often, ONE),
        partial(push_often, TWO),
        *[partial(often, partial(change, repository=repository, now=NOW)) for change in changes],
    )

    assert results == [None] * 6
    assert Tag.objects.live().count() <= 1
    assert not Tag.objects.live().filter(manifest__deleted_at__isnull=False).exists()


def test_a_pull_is_noted_once_an_hour(repository: Repository) -> None:
    push(repository, ONE)

    def pull(now: timedelta) -> None:
        found = resolve_manifest(
            repository=repository, reference=Reference.parse("v1"), with_body=True, now=NOW + now
        )
        note_pull(manifest=found, now=NOW + now)

    for hours, noted in ((0, 0), (1, 0), (1.5, 1.5), (2, 1.5), (3, 3)):
        pull(hours * HOUR)
        assert Manifest.objects.get().last_pulled_at == NOW + noted * HOUR


if connection.vendor == "postgresql":  # SQLite has one writer at a time

    def test_the_sweep_does_not_wait_for_a_tag_that_somebody_holds(
        repository: Repository,
    ) -> None:
        push(repository, EXPIRING, "v1", tags=("v2",))

        with held_open():
            list(Tag.objects.select_for_update().filter(name="v1"))
            sweep = Aside(partial(sweep_expired, now=NOW + 2 * HOUR, limit=10))
            assert sweep.result() == 1

        assert [tag.name for tag in Tag.objects.live()] == ["v1"]

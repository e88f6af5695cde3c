"""The history of tags, and the way back: restores, and deletion for good."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestBlobUnknown, ManifestUnknown
from artifacts.oci.names import Reference
from registry.manifests.models import Manifest, ManifestBlob
from registry.manifests.reads import resolve_manifest
from registry.manifests.removal import (
    DeletionForGoodRefused,
    delete_blob,
    delete_manifest,
    delete_tag_for_good,
)
from registry.manifests.restoration import RestoreRefused, restore_tag
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.tags.services import (
    TagImmutable,
    delete_tag,
    set_expiry,
    set_immutable,
    sweep_expired,
)
from registry.tags.time_machine import TimeMachineRefused, set_time_machine, time_machine_of
from tests.registry.builders import NOW, hold, image, make_repository, push

pytestmark = pytest.mark.django_db

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
ONE, TWO = (image(b"{}", annotations={"n": n}) for n in "12")
FIRST, SECOND = str(Digest.of(ONE)), str(Digest.of(TWO))


@pytest.fixture(autouse=True)
def moved(repository: Repository) -> None:
    """``v1`` was pushed at NOW and moved an hour later."""
    hold(repository, b"{}")
    push(repository, ONE)
    push(repository, TWO, now=NOW + HOUR)


def pulled(repository: Repository, reference: str, at: datetime) -> str | None:
    try:
        return resolve_manifest(
            repository=repository, reference=Reference.parse(reference), with_body=True, now=at
        ).digest
    except ManifestUnknown:
        return None


def restore(repository: Repository, digest: str = FIRST, *, after: timedelta = 2 * HOUR) -> None:
    restore_tag(repository=repository, name="v1", digest=digest, now=NOW + after)


# --- History ------------------------------------------------------------------------------------


def test_every_push_move_deletion_expiry_and_restore_is_in_the_history(
    repository: Repository,
) -> None:
    delete_tag(repository=repository, name="v1", now=NOW + 2 * HOUR)
    restore(repository, FIRST, after=3 * HOUR)
    set_expiry(repository=repository, name="v1", expires_at=NOW + 10 * HOUR, now=NOW + 4 * HOUR)
    sweep_expired(now=NOW + 11 * HOUR, limit=10)
    push(repository, TWO, now=NOW + 12 * HOUR)

    history = list(Tag.objects.filter(repository=repository).newest_first())

    assert [
        (
            tag.manifest.digest,
            tag.start_reason,
            (tag.started_at - NOW) / HOUR,
            tag.end_reason,
            (tag.ended_at - NOW) / HOUR if tag.ended_at else None,
        )
        for tag in history
    ] == [
        (SECOND, "push", 12, "", None),
        (FIRST, "restore", 3, "expire", 10),
        (SECOND, "push", 1, "delete", 2),
        (FIRST, "push", 0, "move", 1),
    ]
    assert all(later.started_at >= earlier.started_at for later, earlier in pairwise(history))


def test_a_manifest_that_is_deleted_ends_its_tags_in_the_history(repository: Repository) -> None:
    delete_manifest(repository=repository, digest=Digest.parse(SECOND), now=NOW + 2 * HOUR)

    tag = Tag.objects.newest_first()[0]
    assert (tag.end_reason, tag.ended_at) == ("delete", NOW + 2 * HOUR)


def test_a_deletion_after_the_expiry_does_not_change_when_a_tag_ended(
    repository: Repository,
) -> None:
    set_expiry(repository=repository, name="v1", expires_at=NOW + 3 * HOUR, now=NOW + HOUR)

    delete_manifest(repository=repository, digest=Digest.parse(SECOND), now=NOW + DAY)

    tag = Tag.objects.newest_first()[0]
    assert (tag.end_reason, tag.ended_at) == ("expire", NOW + 3 * HOUR)


# --- Restores -----------------------------------------------------------------------------------


def test_a_moved_tag_is_restored_to_what_it_was(repository: Repository) -> None:
    restore_tag(
        repository=repository,
        name="v1",
        digest=FIRST,
        now=NOW + 2 * HOUR,
        by=Actor("carol", "192.0.2.7"),
    )

    assert pulled(repository, "v1", NOW + 2 * HOUR) == FIRST
    event = AuditEvent.objects.get(action="tag.restore")
    assert (event.actor, event.target) == ("carol", "acme/web:v1")
    assert FIRST in event.detail


def test_a_deleted_tag_is_restored(repository: Repository) -> None:
    delete_tag(repository=repository, name="v1", now=NOW + 2 * HOUR)

    restore(repository, SECOND, after=3 * HOUR)

    assert pulled(repository, "v1", NOW + 3 * HOUR) == SECOND


def test_a_restore_undoes_the_deletion_of_the_manifest(repository: Repository) -> None:
    delete_manifest(repository=repository, digest=Digest.parse(SECOND), now=NOW + 2 * HOUR)
    assert pulled(repository, SECOND, NOW + 2 * HOUR) is None

    restore(repository, SECOND, after=3 * HOUR)

    assert pulled(repository, "v1", NOW + 3 * HOUR) == SECOND
    assert pulled(repository, SECOND, NOW + 3 * HOUR) == SECOND


def test_an_expired_tag_is_restored_before_the_sweep_saw_it(repository: Repository) -> None:
    set_expiry(repository=repository, name="v1", expires_at=NOW + 3 * HOUR, now=NOW + HOUR)

    restore(repository, SECOND, after=4 * HOUR)

    assert pulled(repository, "v1", NOW + WEEK) == SECOND
    assert [tag.end_reason for tag in Tag.objects.newest_first()] == ["", "expire", "move"]


@pytest.mark.parametrize(
    ("after", "restorable"),
    [(HOUR + 2 * WEEK - timedelta(seconds=1), True), (HOUR + 2 * WEEK, False)],
)
def test_a_restore_reaches_as_far_as_the_time_machine(
    repository: Repository, after: timedelta, restorable: bool
) -> None:
    if restorable:
        restore(repository, after=after)
    else:
        with pytest.raises(ManifestUnknown, match="the time machine of acme/web does not hold v1"):
            restore(repository, after=after)

    assert pulled(repository, "v1", NOW + after) == (FIRST if restorable else SECOND)


@pytest.mark.parametrize("seconds", [0, 60])
def test_the_organization_chooses_its_time_machine(repository: Repository, seconds: int) -> None:
    repository.namespace.tag_expiration_seconds = seconds
    repository.namespace.save()

    with pytest.raises(ManifestUnknown):
        restore(repository, after=HOUR + timedelta(seconds=seconds))


@pytest.mark.parametrize("digest", [str(Digest.of(b"never")), "nonsense"])
def test_only_what_the_tag_pointed_at_can_be_restored(repository: Repository, digest: str) -> None:
    with pytest.raises(ManifestUnknown):
        restore(repository, digest)


def test_what_another_tag_pointed_at_cannot_be_restored(repository: Repository) -> None:
    push(repository, image(b"{}", annotations={"n": "3"}), "other")

    with pytest.raises(ManifestUnknown):
        restore(repository, str(Digest.of(image(b"{}", annotations={"n": "3"}))))


def test_what_another_repository_holds_cannot_be_restored(repository: Repository) -> None:
    with pytest.raises(ManifestUnknown):
        restore(make_repository("acme/other"))


def test_what_the_tag_points_at_cannot_be_restored(repository: Repository) -> None:
    with pytest.raises(RestoreRefused, match=r"points at .* already"):
        restore(repository, SECOND)


def test_a_manifest_whose_blobs_were_deleted_comes_back_when_they_are_pushed_again(
    repository: Repository,
) -> None:
    for digest in (FIRST, SECOND):
        delete_manifest(repository=repository, digest=Digest.parse(digest), now=NOW + HOUR)
    delete_blob(repository=repository, digest=Digest.of(b"{}"), now=NOW)

    with pytest.raises(ManifestBlobUnknown):
        restore(repository)
    assert pulled(repository, "v1", NOW + 2 * HOUR) is None

    hold(repository, b"{}")
    restore(repository)

    assert pulled(repository, "v1", NOW + 2 * HOUR) == FIRST
    assert ManifestBlob.objects.filter(manifest__digest=FIRST).count() == 1


def test_an_immutable_tag_is_not_restored_to_something_else(repository: Repository) -> None:
    set_immutable(repository=repository, name="v1", is_immutable=True, now=NOW + HOUR)

    with pytest.raises(TagImmutable):
        restore(repository)
    assert pulled(repository, "v1", NOW + DAY) == SECOND


# --- For good -----------------------------------------------------------------------------------


def delete_for_good(repository: Repository, digest: str | None = None) -> int:
    return delete_tag_for_good(repository=repository, name="v1", digest=digest, now=NOW + 2 * HOUR)


def test_deletion_for_good_must_be_allowed(repository: Repository) -> None:
    with pytest.raises(DeletionForGoodRefused, match="PERMANENTLY_DELETE_TAGS"):
        delete_for_good(repository)

    assert Tag.objects.count() == 2


@pytest.fixture
def permanent(settings: Settings) -> None:
    settings.PERMANENTLY_DELETE_TAGS = True


@pytest.mark.usefixtures("permanent")
def test_a_tag_deleted_for_good_cannot_be_restored_nor_pulled_by_digest(
    repository: Repository,
) -> None:
    assert delete_for_good(repository) == 2

    for digest in (FIRST, SECOND):
        with pytest.raises(ManifestUnknown):
            restore(repository, digest)
        assert pulled(repository, digest, NOW + 2 * HOUR) is None
    assert not Tag.objects.exists()
    assert AuditEvent.objects.filter(action="tag.delete-for-good").count() == 1


@pytest.mark.usefixtures("permanent")
def test_one_digest_of_the_history_is_deleted_for_good(repository: Repository) -> None:
    assert delete_for_good(repository, FIRST) == 1

    assert pulled(repository, "v1", NOW + 2 * HOUR) == SECOND
    with pytest.raises(ManifestUnknown):
        restore(repository, FIRST)


@pytest.mark.usefixtures("permanent")
def test_what_another_tag_holds_stays_when_one_is_deleted_for_good(
    repository: Repository,
) -> None:
    push(repository, TWO, "kept", now=NOW + HOUR)
    push(repository, ONE, "old", now=NOW + HOUR)
    delete_tag(repository=repository, name="old", now=NOW + 1.5 * HOUR)

    delete_for_good(repository)

    assert pulled(repository, SECOND, NOW + 2 * HOUR) == SECOND
    assert Manifest.objects.present().filter(digest=FIRST).exists()  # so its blobs stay too
    restore_tag(repository=repository, name="old", digest=FIRST, now=NOW + 3 * HOUR)
    assert pulled(repository, "old", NOW + 3 * HOUR) == FIRST


@pytest.mark.usefixtures("permanent")
def test_an_immutable_tag_is_not_deleted_for_good(repository: Repository) -> None:
    set_immutable(repository=repository, name="v1", is_immutable=True, now=NOW + HOUR)

    with pytest.raises(TagImmutable):
        delete_for_good(repository)

    assert pulled(repository, "v1", NOW + 2 * HOUR) == SECOND
    assert Tag.objects.count() == 2
    assert delete_for_good(repository, FIRST) == 1


@pytest.mark.usefixtures("permanent")
def test_what_never_was_cannot_be_deleted_for_good(repository: Repository) -> None:
    with pytest.raises(ManifestUnknown):
        delete_for_good(repository, str(Digest.of(b"never")))


# --- The time machine ---------------------------------------------------------------------------


def test_the_time_machine_is_chosen_among_the_options(repository: Repository) -> None:
    namespace = repository.namespace
    assert time_machine_of(namespace) == 2 * WEEK

    set_time_machine(namespace=namespace, lifetime="28d", now=NOW, by=Actor("carol"))
    namespace.refresh_from_db()
    assert time_machine_of(namespace) == 4 * WEEK
    set_time_machine(namespace=namespace, lifetime=None, now=NOW, by=Actor("carol"))
    namespace.refresh_from_db()

    assert time_machine_of(namespace) == 2 * WEEK
    events = AuditEvent.objects.filter(action="namespace.time-machine", actor="carol")
    assert [event.detail for event in events.order_by("id")] == [
        '{"lifetime": "28d"}',
        '{"lifetime": null}',
    ]


@pytest.mark.parametrize(("text", "reason"), [("3d", "is not one of 0s, 1d"), ("x", "no lifetime")])
def test_another_time_machine_is_refused(repository: Repository, text: str, reason: str) -> None:
    with pytest.raises(TimeMachineRefused, match=reason):
        set_time_machine(namespace=repository.namespace, lifetime=text, now=NOW)


def test_the_configuration_may_forbid_to_choose(repository: Repository, settings: Settings) -> None:
    settings.FEATURE_CHANGE_TAG_EXPIRATION = False

    with pytest.raises(TimeMachineRefused, match="FEATURE_CHANGE_TAG_EXPIRATION"):
        set_time_machine(namespace=repository.namespace, lifetime="1d", now=NOW)

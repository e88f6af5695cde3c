"""What goes, what stays, and when."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from artifacts.oci.digest import Digest
from registry.blobs.models import Blob, BlobLink
from registry.blobs.services import find_blob, mount_blob, renew_lease
from registry.gc.report import Garbage, Report
from registry.manifests.models import Manifest, ManifestBlob
from registry.manifests.removal import delete_manifest
from registry.repositories.models import Repository
from registry.tags.models import EndReason, Tag
from registry.tags.services import delete_tag
from tests.registry.builders import NOW, descriptor, hold, image, index, make_repository, push
from tests.registry.gc.moments import (
    EVEN_LATER,
    GRACE,
    GRACE_OVER,
    MUCH_LATER,
    SECOND,
    TIME_MACHINE,
)
from tests.registry.stored import content_of, stored_files

pytestmark = pytest.mark.django_db(transaction=True)

Collect = Callable[..., Report]


def by_digest(body: bytes) -> str:
    return str(Digest.of(body))


def digests() -> set[str]:
    return set(Manifest.objects.values_list("digest", flat=True))


# --- What stays ---------------------------------------------------------------------------------


def test_a_tagged_image_stays_with_its_blobs(repository: Repository, collected: Collect) -> None:
    hold(repository, b"{}", b"layer")
    push(repository, image(b"{}", b"layer"))

    report = collected()

    assert report.counts == {}
    assert Manifest.objects.count() == 1
    assert content_of(repository, Digest.of(b"layer")) == b"layer"


def test_a_tagged_index_keeps_its_children_to_the_bottom(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}")
    leaf = image(b"{}")
    middle, top = index(leaf), index(index(leaf))
    for body in (leaf, middle, top):
        push(repository, body, by_digest(body))
    push(repository, top, "v1")

    assert collected().counts == {}
    assert digests() == {by_digest(leaf), by_digest(middle), by_digest(top)}


def test_referrers_stay_as_long_as_their_subject_however_far_it_goes(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}")
    subject = image(b"{}")
    signature = image(b"{}", subject=descriptor(subject))
    countersignature = image(b"{}", subject=descriptor(signature))
    for body in (subject, signature, countersignature):
        push(repository, body, by_digest(body))
    push(repository, subject, "v1")

    assert collected().counts == {}
    assert len(digests()) == 3


def test_what_was_pushed_by_digest_has_a_grace(repository: Repository, collected: Collect) -> None:
    hold(repository, b"{}")
    push(repository, image(b"{}"), by_digest(image(b"{}")))

    collected(GRACE_OVER - SECOND)
    assert Manifest.objects.count() == 1

    report = collected(GRACE_OVER)
    assert Manifest.objects.count() == 0
    assert report.items(Garbage.MANIFEST) == 1


def test_a_second_push_of_a_manifest_begins_its_grace_anew(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}")
    for moment in (NOW, GRACE_OVER - SECOND):
        push(repository, image(b"{}"), by_digest(image(b"{}")), now=moment)

    collected(GRACE_OVER)

    assert Manifest.objects.count() == 1


def test_children_wait_for_their_index_for_the_whole_grace(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}")
    child = image(b"{}")
    push(repository, child, by_digest(child))

    collected(GRACE_OVER - SECOND)
    push(repository, index(child), "v1", now=GRACE_OVER - SECOND)
    collected()

    assert digests() == {by_digest(child), by_digest(index(child))}


@pytest.mark.parametrize("renewed_by", ["push", "mount", "head"])
def test_a_blob_without_a_manifest_has_a_grace_that_push_mount_and_head_renew(
    repository: Repository, collected: Collect, renewed_by: str
) -> None:
    hold(repository, b"layer")
    late = GRACE_OVER - SECOND
    renewals: dict[str, Callable[[], object]] = {
        "push": lambda: hold(repository, b"layer", now=late),
        "mount": lambda: mount_blob(
            repository=repository,
            digest=Digest.of(b"layer"),
            sources=Repository.objects.all(),
            now=late,
        ),
        "head": lambda: renew_lease(
            blob=find_blob(repository=repository, digest=Digest.of(b"layer"), now=late), now=late
        ),
    }
    renewals[renewed_by]()

    collected(GRACE_OVER)
    assert content_of(repository, Digest.of(b"layer")) == b"layer"

    collected(late + GRACE)
    assert Blob.objects.count() == 0


# --- The time machine ---------------------------------------------------------------------------


def _delete(repository: Repository) -> None:
    delete_tag(repository=repository, name="v1", now=NOW)


def _move(repository: Repository) -> None:
    hold(repository, b"other")
    push(repository, image(b"other"))


def _delete_by_digest(repository: Repository) -> None:
    delete_manifest(repository=repository, digest=Digest.of(image(b"{}")), now=NOW)


def _expire(repository: Repository) -> None:
    Tag.objects.update(expires_at=NOW)


@pytest.mark.parametrize("end", [_delete, _move, _delete_by_digest, _expire])
def test_what_a_tag_left_can_be_restored_until_the_time_machine_is_over(
    repository: Repository, collected: Collect, end: Callable[[Repository], None]
) -> None:
    hold(repository, b"{}")
    push(repository, image(b"{}"))
    end(repository)

    collected(NOW + TIME_MACHINE - SECOND)
    assert by_digest(image(b"{}")) in digests()
    assert Tag.objects.filter(manifest__digest=by_digest(image(b"{}"))).exists()

    collected(NOW + TIME_MACHINE)
    assert by_digest(image(b"{}")) not in digests()
    assert not Blob.objects.filter(pk=by_digest(b"{}")).exists()


def test_each_organization_has_its_own_time_machine(
    repository: Repository, collected: Collect
) -> None:
    other = make_repository("other/web")
    other.namespace.tag_expiration_seconds = 86400
    other.namespace.save()
    for one in (repository, other):
        hold(one, b"{}")
        push(one, image(b"{}"))
        delete_tag(repository=one, name="v1", now=NOW)

    collected(NOW + timedelta(days=1))

    assert set(Manifest.objects.values_list("repository__path", flat=True)) == {"acme/web"}
    assert content_of(repository, Digest.of(b"{}")) == b"{}"


def test_history_beyond_the_time_machine_goes_and_the_audit_trail_stays(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}")
    for moment in (NOW, NOW + SECOND):
        push(repository, image(b"{}"), now=moment)
        delete_tag(repository=repository, name="v1", now=moment)
    push(repository, image(b"{}"), now=MUCH_LATER)
    events = AuditEvent.objects.count()

    report = collected()

    assert report.items(Garbage.TAG) == 2
    assert Tag.objects.get().ended_at is None
    assert AuditEvent.objects.count() == events


# --- What goes ----------------------------------------------------------------------------------


def test_everything_below_an_index_goes_with_it_in_one_run(
    repository: Repository, collected: Collect, store_root: Path
) -> None:
    hold(repository, b"{}", b"layer")
    leaf = image(b"{}", b"layer")
    for body in (leaf, index(leaf), index(index(leaf))):
        push(repository, body, by_digest(body))

    report = collected()

    assert not digests()
    assert not ManifestBlob.objects.exists()
    assert not BlobLink.objects.exists()
    assert not Blob.objects.exists()
    assert stored_files(store_root) == set()
    assert report.items(Garbage.MANIFEST) == 3
    assert report.freed_bytes == len(b"{}") + len(b"layer")


def test_a_child_of_two_indexes_stays_while_one_of_them_does(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}")
    child = image(b"{}")
    kept, dropped = index(child, annotations={"n": "1"}), index(child, annotations={"n": "2"})
    for body in (child, kept, dropped):
        push(repository, body, by_digest(body))
    push(repository, kept, "v1")

    collected()

    assert digests() == {by_digest(child), by_digest(kept)}


def test_an_index_of_another_repository_keeps_nothing_here(
    repository: Repository, collected: Collect
) -> None:
    other = make_repository("acme/other")
    child = image(b"{}")
    hold(repository, b"{}")
    push(repository, child, by_digest(child))
    push(other, index(child), "v1")

    collected()

    assert digests() == {by_digest(index(child))}


def test_untagged_referrers_go_when_their_subject_goes(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}")
    subject = image(b"{}")
    referrer = image(b"{}", subject=descriptor(subject))
    push(repository, subject)
    push(repository, referrer, by_digest(referrer))
    delete_manifest(repository=repository, digest=Digest.of(subject), now=NOW)

    report = collected()

    assert not digests()
    assert report.items(Garbage.DELETED_MANIFEST) == 1
    assert report.items(Garbage.REFERRER) == 1


def test_referrers_can_be_deleted_by_digest_and_go_while_their_subject_stays(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}")
    subject = image(b"{}")
    referrer = image(b"{}", subject=descriptor(subject))
    push(repository, subject)
    push(repository, referrer, by_digest(referrer))
    delete_manifest(repository=repository, digest=Digest.of(referrer), now=NOW)

    report = collected()

    assert digests() == {by_digest(subject)}
    assert report.items(Garbage.DELETED_MANIFEST) == 1


def test_a_referrer_whose_subject_never_came_goes_after_the_grace(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}")
    referrer = image(b"{}", subject=descriptor(b"never pushed"))
    push(repository, referrer, by_digest(referrer))

    collected(GRACE_OVER - SECOND)
    assert len(digests()) == 1
    collected(GRACE_OVER)
    assert not digests()


def test_manifests_that_keep_only_each_other_go(repository: Repository, collected: Collect) -> None:
    hold(repository, b"{}")
    subject = image(b"{}")
    # It refers to the subject, so the subject keeps it; it lists the subject, so it keeps that.
    both = index(subject, subject=descriptor(subject))
    around = index(index(subject), subject=descriptor(subject))
    for body in (subject, both, index(subject), around):
        push(repository, body, by_digest(body))
    push(repository, subject, "v1")

    assert collected().counts == {}
    delete_tag(repository=repository, name="v1", now=MUCH_LATER)
    collected(EVEN_LATER)

    assert not digests()
    assert not Blob.objects.exists()


@pytest.mark.parametrize("suffix", ["", ".sig", ".att", ".sbom"])
def test_tags_of_signatures_end_with_their_subject_and_go_after_the_time_machine(
    repository: Repository, collected: Collect, suffix: str
) -> None:
    hold(repository, b"{}", b"signature")
    name = by_digest(image(b"{}")).replace(":", "-") + suffix
    push(repository, image(b"{}"))
    push(repository, image(b"signature"), name)
    delete_tag(repository=repository, name="v1", now=NOW)

    report = collected()

    assert report.items(Garbage.COMPANION_TAG) == 1
    ended = Tag.objects.get(name=name)
    assert (ended.ended_at, ended.end_reason) == (MUCH_LATER, EndReason.SUBJECT)
    assert digests() == {by_digest(image(b"signature"))}
    collected(EVEN_LATER)
    assert not digests()


def test_a_subject_stays_while_the_tag_of_its_signature_is_new(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}", b"signature")
    name = by_digest(image(b"{}")).replace(":", "-") + ".sig"
    push(repository, image(b"{}"), by_digest(image(b"{}")))
    push(repository, image(b"signature"), name, now=MUCH_LATER - GRACE + SECOND)

    collected()
    assert len(digests()) == 2
    collected(MUCH_LATER + SECOND)
    assert digests() == {by_digest(image(b"signature"))}


def test_an_immutable_tag_of_a_signature_stays_without_its_subject(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"{}", b"signature")
    name = by_digest(image(b"{}")).replace(":", "-") + ".sig"
    push(repository, image(b"{}"), by_digest(image(b"{}")))
    push(repository, image(b"signature"), name)
    Tag.objects.filter(name=name).update(is_immutable=True)

    collected()

    assert digests() == {by_digest(image(b"signature"))}
    assert Tag.objects.get().ended_at is None


def test_a_signature_of_an_image_that_was_never_here_stays(
    repository: Repository, collected: Collect
) -> None:
    hold(repository, b"signature")
    push(repository, image(b"signature"), by_digest(b"elsewhere").replace(":", "-") + ".sig")

    assert collected().counts == {}


def test_a_blob_stays_while_another_repository_needs_it(
    repository: Repository, collected: Collect
) -> None:
    other = make_repository("acme/other")
    for one in (repository, other):
        hold(one, b"{}")
    push(other, image(b"{}"))

    report = collected()

    assert set(BlobLink.objects.values_list("repository__path", flat=True)) == {"acme/other"}
    assert content_of(other, Digest.of(b"{}")) == b"{}"
    assert report.freed_bytes == 0


def test_pushing_again_after_everything_went_brings_it_all_back(
    repository: Repository, collected: Collect
) -> None:
    for moment in (NOW, MUCH_LATER):
        hold(repository, b"{}", now=moment)
        push(repository, image(b"{}"), by_digest(image(b"{}")), now=moment)
        collected(moment + GRACE - SECOND)
        assert content_of(repository, Digest.of(b"{}")) == b"{}"
        collected(moment + GRACE)
        assert not Blob.objects.exists()


def test_more_than_one_batch_goes_in_one_run(repository: Repository, collected: Collect) -> None:
    hold(repository, b"{}")
    for number in range(230):
        body = image(b"{}", annotations={"n": str(number)})
        push(repository, body, by_digest(body))

    report = collected()

    assert report.items(Garbage.MANIFEST) == 230
    assert not digests()


def test_the_grace_is_what_the_configuration_says(
    repository: Repository, collected: Collect, settings: Settings
) -> None:
    settings.PUSH_TEMP_TAG_EXPIRATION_SEC = 60
    hold(repository, b"layer")

    collected(NOW + timedelta(seconds=59))
    assert Blob.objects.exists()
    collected(NOW + timedelta(seconds=60))
    assert not Blob.objects.exists()

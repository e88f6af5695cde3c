"""Most runs look only at what may have become garbage since the last one."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from artifacts.oci.digest import Digest
from registry.blobs.models import Blob, BlobLink
from registry.gc import recent, sweeping
from registry.gc.hold import held
from registry.gc.report import Garbage, Report
from registry.gc.services import WHOLE_EVERY, collect_due, collect_recent
from registry.manifests.models import Manifest
from registry.manifests.removal import delete_blob, delete_manifest
from registry.repositories.deletion import delete_repository, lifetime_of_deleted
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.tags.services import delete_tag
from tests.registry.builders import NOW, descriptor, hold, image, index, make_repository, push
from tests.registry.gc.moments import GRACE, TIME_MACHINE

pytestmark = pytest.mark.django_db(transaction=True)

SOON = timedelta(minutes=5)
Run = Callable[[datetime], Report]


@pytest.fixture
def run() -> Run:
    def due(now: datetime) -> Report:
        report = Report()
        collect_due(now=now, report=report)
        assert report.problems == []
        return report

    return due


@pytest.fixture
def filled(repository: Repository) -> Repository:
    hold(repository, b"{}", b"layer")
    push(repository, image(b"{}", b"layer"), "v1")
    return repository


def push_untagged(repository: Repository, body: bytes) -> None:
    push(repository, body, str(Digest.of(body)))


def recently(now: datetime) -> Report:
    """Collect what became garbage in the five minutes before."""
    report = Report()
    collect_recent(since=now - SOON, now=now, report=report)
    assert report.problems == []
    return report


def only_a_walk_finds(repository: Repository) -> None:
    """A manifest that is garbage, which no moment tells."""
    Manifest.objects.update(last_pushed_at=NOW - timedelta(days=400))
    Tag.objects.filter(repository=repository).delete()


def statements_of(now: datetime) -> int:
    with CaptureQueriesContext(connection) as asked:
        collect_recent(since=now - SOON, now=now, report=Report())
    return len(asked)


def test_a_quiet_registry_costs_the_same_however_much_it_holds(
    filled: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "STRETCH_ROWS", 2)
    monkeypatch.setattr(recent, "STRETCH_ROWS", 2)
    later = NOW + timedelta(days=1)
    before = statements_of(later)
    for number in range(20):
        layer = f"layer {number}".encode()
        hold(filled, layer)
        push(filled, image(b"{}", layer), f"v{number}")

    assert statements_of(later) == before


def test_a_tag_past_the_time_machine_takes_manifest_and_blobs_along(filled: Repository) -> None:
    delete_tag(repository=filled, name="v1", now=NOW)

    recently(NOW + TIME_MACHINE)

    assert (Manifest.objects.count(), BlobLink.objects.count(), Blob.objects.count()) == (0, 0, 0)


def test_a_tag_that_expired_and_was_not_swept_takes_its_manifest_along(filled: Repository) -> None:
    Tag.objects.update(expires_at=NOW)

    recently(NOW + TIME_MACHINE)

    assert not Manifest.objects.exists()


def test_what_no_tag_names_goes_after_the_grace(repository: Repository) -> None:
    hold(repository, b"{}", b"layer")
    push_untagged(repository, image(b"{}", b"layer"))

    recently(NOW + GRACE)

    assert (Manifest.objects.count(), Blob.objects.count()) == (0, 0)


def test_a_blob_that_no_manifest_names_goes_after_the_grace(repository: Repository) -> None:
    hold(repository, b"layer")

    recently(NOW + GRACE)

    assert not Blob.objects.exists()


def test_history_past_the_time_machine_goes_where_the_manifest_stays(filled: Repository) -> None:
    push(filled, image(b"{}", b"layer"), "v2")
    delete_tag(repository=filled, name="v1", now=NOW)

    recently(NOW + TIME_MACHINE)

    assert [tag.name for tag in Tag.objects.all()] == ["v2"]


def test_what_an_index_listed_goes_with_it(repository: Repository) -> None:
    hold(repository, b"{}", b"layer")
    child = image(b"{}", b"layer")
    push_untagged(repository, child)
    push(repository, index(child), "v1")
    delete_tag(repository=repository, name="v1", now=NOW + TIME_MACHINE)

    recently(NOW + 2 * TIME_MACHINE)

    assert (Manifest.objects.count(), Blob.objects.count()) == (0, 0)


def test_what_refers_to_a_manifest_goes_with_it(filled: Repository) -> None:
    push_untagged(filled, image(b"{}", b"layer", subject=descriptor(image(b"{}", b"layer"))))
    delete_tag(repository=filled, name="v1", now=NOW + TIME_MACHINE)

    recently(NOW + 2 * TIME_MACHINE)

    assert not Manifest.objects.exists()


def test_blobs_that_an_index_listed_go_with_it(repository: Repository) -> None:
    hold(repository, b"cached")
    push(repository, index(b"cached"), "cache")
    delete_tag(repository=repository, name="cache", now=NOW + TIME_MACHINE)

    recently(NOW + 2 * TIME_MACHINE)

    assert not Blob.objects.exists()


def test_manifests_that_keep_only_each_other_go(filled: Repository) -> None:
    kept = image(b"{}", b"layer")
    push_untagged(filled, index(kept, subject=descriptor(kept)))
    delete_tag(repository=filled, name="v1", now=NOW + TIME_MACHINE)

    recently(NOW + 2 * TIME_MACHINE)

    assert not Manifest.objects.exists()


def test_a_referrer_that_was_deleted_by_digest_goes(filled: Repository) -> None:
    referrer = image(b"{}", b"layer", subject=descriptor(image(b"{}", b"layer")))
    push_untagged(filled, referrer)
    delete_manifest(repository=filled, digest=Digest.of(referrer), now=NOW + 2 * GRACE)

    report = recently(NOW + 2 * GRACE)

    assert report.items(Garbage.DELETED_MANIFEST) == 1


def test_what_a_young_signature_held_goes_when_the_signature_is_old(
    repository: Repository,
) -> None:
    hold(repository, b"{}", b"layer", b"signature")
    subject = image(b"{}", b"layer")
    push_untagged(repository, subject)
    signed = NOW + timedelta(minutes=50)
    name = str(Digest.of(subject)).replace(":", "-") + ".sig"
    push(repository, image(b"{}", b"signature"), name, now=signed)
    recently(NOW + GRACE)
    assert Manifest.objects.count() == 2

    recently(signed + GRACE)

    assert Manifest.objects.count() == 1


def test_blobs_of_a_removed_repository_go(filled: Repository) -> None:
    delete_repository(repository=filled, now=NOW)

    recently(NOW + lifetime_of_deleted())

    assert not Blob.objects.exists()


def test_the_first_run_looks_at_everything(filled: Repository, run: Run) -> None:
    only_a_walk_finds(filled)

    run(NOW + timedelta(days=1))

    assert not Manifest.objects.exists()


def test_the_next_runs_look_at_what_is_recent(filled: Repository, run: Run) -> None:
    run(NOW)
    only_a_walk_finds(filled)

    run(NOW + WHOLE_EVERY - SOON)

    assert Manifest.objects.exists()


def test_once_a_day_a_run_looks_at_everything(filled: Repository, run: Run) -> None:
    run(NOW)
    only_a_walk_finds(filled)
    run(NOW + WHOLE_EVERY - SOON)

    run(NOW + WHOLE_EVERY)

    assert not Manifest.objects.exists()


def test_a_run_looks_at_everything_when_much_is_recent(
    filled: Repository, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "MOST", 0)
    run(NOW)
    only_a_walk_finds(filled)
    hold(make_repository("acme/next"), b"next layer")

    run(NOW + GRACE)

    assert not Manifest.objects.exists()


def test_what_makes_too_much_garbage_at_once_is_collected_all_the_same(
    repository: Repository, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(repository, b"{}", *(f"layer {n}".encode() for n in range(4)))
    children = [image(b"{}", f"layer {n}".encode()) for n in range(4)]
    for child in children:
        push_untagged(repository, child)
    push(repository, index(*children), "v1")
    delete_tag(repository=repository, name="v1", now=NOW)
    run(NOW + TIME_MACHINE - SOON)
    monkeypatch.setattr(recent, "MOST", 2)

    run(NOW + TIME_MACHINE)

    assert not Manifest.objects.exists()


def test_a_clock_that_was_set_back_makes_a_run_look_at_everything(
    filled: Repository, run: Run
) -> None:
    run(NOW + timedelta(days=300))
    only_a_walk_finds(filled)

    run(NOW + timedelta(days=299))

    assert not Manifest.objects.exists()


def test_nothing_is_collected_while_somebody_copies_the_registry(
    filled: Repository, run: Run
) -> None:
    now = timezone.now()
    only_a_walk_finds(filled)

    with held(timezone.now):
        run(now)

    assert Manifest.objects.exists()


def test_what_somebody_took_out_of_a_repository_goes_within_a_day(
    repository: Repository, run: Run
) -> None:
    hold(repository, b"layer")
    run(NOW)
    delete_blob(repository=repository, digest=Digest.of(b"layer"), now=NOW)

    run(NOW + WHOLE_EVERY)

    assert not Blob.objects.exists()

"""While somebody copies the registry, no bytes are collected."""

from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from registry.blobs.models import Blob, BlobLink
from registry.gc import store
from registry.gc.hold import LASTING, Hold, HoldLost, held
from registry.gc.models import holds
from registry.gc.report import Report
from registry.gc.services import collect_blobs
from registry.gc.sweeping import locked
from registry.repositories.models import Repository
from registry.storage.select import blob_store
from tests.registry.builders import hold

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def unneeded(repository: Repository) -> Blob:
    """A blob that no repository holds."""
    (blob,) = hold(repository, b"unneeded")
    BlobLink.objects.all().delete()
    return blob


def test_a_blob_that_is_held_stays(unneeded: Blob) -> None:
    with held(timezone.now):
        collect_blobs(now=timezone.now(), report=Report())

    assert blob_store().size(unneeded.storage_key) == unneeded.size


def test_it_goes_when_the_holder_has_ended(unneeded: Blob) -> None:
    with held(timezone.now):
        pass
    collect_blobs(now=timezone.now(), report=Report())

    assert blob_store().size(unneeded.storage_key) is None


def test_it_goes_when_the_holder_was_killed_and_its_time_is_over(unneeded: Blob) -> None:
    Hold(timezone.now).take()
    collect_blobs(now=timezone.now() + LASTING, report=Report())

    assert blob_store().size(unneeded.storage_key) is None


def test_bytes_without_a_row_stay_as_well(unneeded: Blob, store_root: Path) -> None:
    unneeded.delete()
    late = timezone.now() + timedelta(days=30)
    (stored,) = blob_store().stored()
    with held(lambda: late):
        store.delete_nameless(stored=stored, now=late, report=Report(), dry_run=False)

    assert blob_store().size(unneeded.storage_key) == unneeded.size


class Clock:
    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> datetime:
        return self.now


def test_who_renews_it_holds_on(db: None) -> None:
    clock = Clock()
    with held(clock) as one:
        clock.now += LASTING / 2
        one.renew()

        assert holds(clock.now + LASTING * 0.9).exists()


def test_who_slept_too_long_is_told(db: None) -> None:
    clock = Clock()
    with held(clock) as one:
        clock.now += LASTING

        with pytest.raises(HoldLost, match="may have been collected; begin again"):
            one.renew()


def test_a_hold_waits_for_who_is_deleting(unneeded: Blob) -> None:
    has_chosen, may_delete, has_held = Event(), Event(), Event()

    def delete() -> None:
        with transaction.atomic():
            locked(Blob.objects.filter(pk=unneeded.pk))
            has_chosen.set()
            may_delete.wait(10)
            Blob.objects.filter(pk=unneeded.pk).delete()
        connection.close()

    def take() -> None:
        with held(timezone.now):
            has_held.set()
        connection.close()

    deleter, holder = Thread(target=delete), Thread(target=take)
    deleter.start()
    assert has_chosen.wait(10)
    holder.start()
    assert not has_held.wait(0.5)
    may_delete.set()
    assert has_held.wait(10)
    deleter.join()
    holder.join()

"""The files of layers, listed by a job for those who ask."""

import gzip
from datetime import timedelta
from functools import partial

import pytest
from pytest_django import Settings

from artifacts.images.files import Bounds
from artifacts.oci.digest import Digest
from registry.blobs.models import Blob, BlobLink
from registry.inspection import listings
from registry.inspection.listings import (
    FORGOTTEN_AFTER,
    LEASE,
    MAX_ATTEMPTS,
    ask_for_listing,
    files_in,
    forget_listings,
    kept_listings,
    list_next,
)
from registry.inspection.models import Listing
from registry.inspection.tasks import list_layers
from registry.repositories.models import Repository
from tests.registry.builders import NOW, hold, make_repository
from tests.ui.files.packing import files

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web")


def asked(repository: Repository, content: bytes) -> Digest:
    hold(repository, content)
    ask_for_listing(Digest.of(content), NOW)
    return Digest.of(content)


def row(digest: Digest) -> Listing:
    return Listing.objects.get(pk=str(digest))


def paths(digest: Digest) -> list[str]:
    packed = files_in(kept_listings({digest})[digest])
    assert packed
    return [file.path for file in packed.unpacked().files]


def fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: object, **__: object) -> None:
        raise OSError("a defect")

    monkeypatch.setattr(listings, "read_blob", defect)


def test_a_layer_that_was_asked_for_is_listed(web: Repository) -> None:
    digest = asked(web, gzip.compress(files("a", "b/c")))

    assert list_next(lambda: NOW)

    assert paths(digest) == ["a", "b/c"]
    assert (row(digest).count, row(digest).problem) == (2, "")


def test_a_layer_is_listed_once_however_many_ask_and_hold_it(web: Repository) -> None:
    content = files("a")
    asked(web, content)
    asked(make_repository("acme/api"), content)

    assert [list_next(lambda: NOW) for _ in range(2)] == [True, False]


def test_the_job_lists_all_that_wait(web: Repository) -> None:
    digests = [asked(web, files(name)) for name in "ab"]

    list_layers()

    assert [paths(digest) for digest in digests] == [["a"], ["b"]]


def test_a_list_that_meets_the_larger_bounds_is_kept_with_its_reason(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "BOUNDS", Bounds(files=1))
    digest = asked(web, files("a", "b"))

    list_next(lambda: NOW)

    assert paths(digest) == ["a"]
    assert row(digest).problem == "it has more than 1 entries"


def test_a_layer_that_takes_too_long_for_the_job_is_given_up_with_its_reason(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "MAX_CPU_SECONDS", -1.0)
    digest = asked(web, files("a"))

    list_next(lambda: NOW)

    assert (row(digest).is_given_up, row(digest).problem) == (True, "it takes too long to read")


def test_no_layer_is_begun_while_another_is_being_listed(web: Repository) -> None:
    first, second = (asked(web, files(name)) for name in "ab")
    Listing.objects.filter(pk=str(first)).update(is_underway=True, due_at=NOW + LEASE)

    assert not list_next(lambda: NOW)

    assert row(second).attempts == 0


def test_a_layer_whose_job_was_killed_is_listed_when_its_lease_is_over(web: Repository) -> None:
    digest = asked(web, files("a"))
    Listing.objects.filter(pk=str(digest)).update(is_underway=True, due_at=NOW + LEASE)

    assert list_next(lambda: NOW + LEASE)

    assert paths(digest) == ["a"]


def test_what_cannot_be_read_is_tried_again_later_and_keeps_nobody_waiting(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = asked(web, files("a"))
    fail(monkeypatch)
    assert list_next(lambda: NOW)
    monkeypatch.undo()
    whole = asked(web, files("b"))

    assert [list_next(lambda: NOW) for _ in range(2)] == [True, False]

    assert paths(whole) == ["b"]
    assert row(broken).listed_at is None
    assert list_next(lambda: NOW + timedelta(minutes=2))
    assert paths(broken) == ["a"]


def test_what_cannot_be_read_in_many_attempts_is_given_up_and_may_be_asked_for_later(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = asked(web, files("a"))
    fail(monkeypatch)
    later = NOW + timedelta(hours=MAX_ATTEMPTS)

    for hours in range(MAX_ATTEMPTS + 1):
        list_next(partial(NOW.__add__, timedelta(hours=hours)))

    assert row(digest).attempts == MAX_ATTEMPTS
    assert row(digest).is_given_up
    assert row(digest).problem == f"it could not be read in {MAX_ATTEMPTS} attempts"
    assert forget_listings(later) == 0
    assert forget_listings(later + FORGOTTEN_AFTER) == 1


def test_the_listing_of_a_collected_blob_goes(web: Repository) -> None:
    gone, there = asked(web, files("a")), asked(web, files("b"))
    list_layers()
    BlobLink.objects.filter(blob=str(gone)).delete()
    Blob.objects.filter(pk=str(gone)).delete()

    list_layers()

    assert [one.pk for one in Listing.objects.all()] == [str(there)]


def test_a_layer_that_is_collected_while_it_waits_is_not_listed(web: Repository) -> None:
    digest = asked(web, files("a"))
    BlobLink.objects.filter(blob=str(digest)).delete()

    assert list_next(lambda: NOW)

    assert row(digest).listed_at is None


def test_nothing_is_asked_for_while_the_registry_is_read_only(
    web: Repository, settings: Settings
) -> None:
    settings.REGISTRY_STATE = "readonly"

    assert not ask_for_listing(Digest.of(b"layer"), NOW)

    assert not Listing.objects.exists()

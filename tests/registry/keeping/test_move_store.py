"""Blobs go to another store under the keys that they have."""

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from artifacts.oci.digest import Digest
from registry.blobs.models import Blob
from registry.gc import fsck
from registry.gc.report import Report
from registry.keeping.moving import move_blobs
from registry.keeping.places import BucketPlace, Place, PlacedFile
from registry.storage.filesystem import FilesystemStore
from registry.storage.select import blob_store
from tests.registry.builders import hold, make_repository
from tests.s3_server import S3Server

pytestmark = pytest.mark.usefixtures("filled")
Move = Callable[[], str]


@pytest.fixture
def move(settings: Settings, s3_server: S3Server) -> Move:
    """Run the command, and return what it says."""
    settings.DISTRIBUTED_STORAGE_CONFIG = {
        **settings.DISTRIBUTED_STORAGE_CONFIG,
        "bucket": ["S3Storage", s3_server.parameters()],
    }

    def run() -> str:
        output = StringIO()
        call_command("move_store", "bucket", stdout=output)
        return output.getvalue()

    return run


def test_the_other_store_has_all_blobs(move: Move, settings: Settings) -> None:
    move()
    settings.DISTRIBUTED_STORAGE_PREFERENCE = ["bucket"]

    report = Report()
    fsck.compare(now=timezone.now(), report=report, dry_run=True)
    fsck.rehash(now=timezone.now(), report=report, tell=lambda _: None, dry_run=True)
    assert report.problems == []


def test_what_is_pushed_afterwards_goes_to_the_old_store_until_the_new_one_is_the_first(
    move: Move, settings: Settings
) -> None:
    assert "set DISTRIBUTED_STORAGE_PREFERENCE to [bucket, default] on all machines" in move()
    hold(make_repository("acme/next"), b"a new layer")
    settings.DISTRIBUTED_STORAGE_PREFERENCE = ["bucket", "default"]
    hold(make_repository("acme/last"), b"the newest layer")

    assert move().splitlines()[0] == "5 blobs are in bucket; 1 were new, 11 bytes."
    assert move().splitlines() == [
        "5 blobs are in bucket; 0 were new, 0 bytes.",
        "All that is pushed goes there: set DISTRIBUTED_STORAGE_PREFERENCE to [bucket].",
    ]


def test_an_upload_that_may_end_in_the_old_store_is_waited_for(
    move: Move, settings: Settings
) -> None:
    upload = uuid4()
    with blob_store().hold(upload, 0, confirm=lambda: None) as writer:
        writer.write([b"on its way"])
    settings.DISTRIBUTED_STORAGE_PREFERENCE = ["bucket", "default"]
    move()

    assert move().splitlines()[1] == (
        "Run this again until nothing is new; uploads that began elsewhere may end there."
    )
    blob_store().discard(upload)
    assert move().splitlines()[1].startswith("All that is pushed goes there")


def test_what_is_pushed_there_while_blobs_are_copied_is_not_new(
    move: Move, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a registry that is pushed to all the time would never hear that all is there."""
    settings.DISTRIBUTED_STORAGE_PREFERENCE = ["bucket", "default"]
    move()
    files = BucketPlace.files

    def pushed_to_meanwhile(place: BucketPlace, folder: str) -> Iterator[PlacedFile]:
        listed = list(files(place, folder))
        hold(make_repository("acme/meanwhile"), b"a new layer")
        return iter(listed)

    monkeypatch.setattr(BucketPlace, "files", pushed_to_meanwhile)

    assert move().splitlines()[0] == "4 blobs are in bucket; 0 were new, 0 bytes."


def test_a_blob_that_is_lost_is_named(place: Place, tmp_path: Path) -> None:
    Blob.objects.filter(size=2).update(storage_key="blobs/00/nothing")

    copied = move_blobs(
        place, FilesystemStore(root=tmp_path), clock=timezone.now, tell=lambda _: None
    )

    assert (copied.lost, copied.blobs) == ([str(Digest.of(b"{}"))], 2)


@pytest.mark.parametrize("name", ["default", "nothing"])
def test_a_store_that_is_no_other_is_refused(name: str) -> None:
    with pytest.raises(CommandError):
        call_command("move_store", name)

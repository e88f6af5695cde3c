"""Leftovers in the store, and what ``fsck`` finds and mends."""

import os
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, ManifestBlobUnknown
from registry.blobs.models import Blob, UploadSession
from registry.blobs.services import find_blob
from registry.blobs.sessions import open_upload
from registry.blobs.uploads import Chunk, append_chunk
from registry.gc import fsck
from registry.gc.report import Garbage, Report
from registry.gc.store import reconcile_store, reconcile_stretch
from registry.manifests.models import Manifest, ManifestBlob
from registry.repositories.models import Repository
from registry.storage.select import blob_store
from tests.registry.builders import NOW, hold, image, push
from tests.registry.gc.moments import GRACE, SECOND
from tests.registry.stored import content_of, stored_files

pytestmark = pytest.mark.django_db(transaction=True)

STALE = timedelta(days=2)


def reconciled(now: datetime, *, dry_run: bool = False) -> Report:
    report = Report()
    reconcile_store(now=now, abandoned_after=STALE, report=report, dry_run=dry_run)
    return report


def leave_bytes(content: bytes, *, upload: object = None, at: datetime = NOW) -> str:
    """What a crash leaves between storing bytes and naming them."""
    with blob_store().hold(upload or uuid4(), 0, confirm=lambda: None) as writer:  # type: ignore[arg-type]
        writer.write([content])
        key = writer.finish()
    return key


def date(path: Path, moment: datetime) -> None:
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def damage(root: Path, digest: Digest, content: bytes | None) -> None:
    path = root / Blob.objects.get(pk=str(digest)).storage_key
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def fsck_says(*options: str) -> tuple[str, bool]:
    """What the command wrote, and whether it was content."""
    out = StringIO()
    try:
        call_command("fsck", *options, stdout=out, stderr=StringIO())
    except SystemExit:
        return out.getvalue(), False
    return out.getvalue(), True


def in_stretches(now: datetime) -> list[Report]:
    """The report of each run, when a run has time for a single key."""
    reports = [Report()]
    while not reconcile_stretch(now=now, abandoned_after=STALE, report=reports[-1], seconds=0):
        assert len(reports) < 100
        reports.append(Report())
    return reports


# --- Bytes without a row ------------------------------------------------------------------------


def test_a_run_goes_on_where_the_one_before_had_no_more_time(
    repository: Repository, store_root: Path
) -> None:
    hold(repository, b"named")
    for number in range(3):
        date(store_root / leave_bytes(b"nameless %d" % number), NOW)

    freed = [report.items(Garbage.STORED_BYTES) for report in in_stretches(NOW + GRACE)]

    assert sorted(freed) == [0, 0, 1, 1, 1]


def test_the_last_run_tells_what_the_first_one_found(
    repository: Repository, store_root: Path
) -> None:
    contents = [b"one", b"two", b"three"]
    blobs = [hold(repository, content) for content in contents]
    first = Blob.objects.order_by("storage_key")[0]
    damage(store_root, Digest.parse(first.digest), b"of another length")

    last = in_stretches(NOW + GRACE)[-1]

    assert len(blobs) == 3
    assert [problem for problem in last.problems if first.digest in problem]


def test_a_round_that_ended_is_begun_anew(repository: Repository, store_root: Path) -> None:
    hold(repository, b"named")
    in_stretches(NOW + GRACE)
    date(store_root / leave_bytes(b"nameless"), NOW)

    freed = sum(report.items(Garbage.STORED_BYTES) for report in in_stretches(NOW + GRACE))

    assert freed == 1


def test_bytes_that_nobody_names_go_after_the_grace(
    repository: Repository, store_root: Path
) -> None:
    hold(repository, b"named")
    named = stored_files(store_root)
    date(store_root / leave_bytes(b"nameless"), NOW)

    assert reconciled(NOW + GRACE - SECOND).counts == {}
    report = reconciled(NOW + GRACE)

    assert stored_files(store_root) == named
    assert report.items(Garbage.STORED_BYTES) == 1
    assert report.freed_bytes == len(b"nameless")


def test_a_dry_run_leaves_them(store_root: Path, db: None) -> None:
    key = leave_bytes(b"nameless")
    date(store_root / key, NOW)

    assert reconciled(NOW + GRACE, dry_run=True).items(Garbage.STORED_BYTES) == 1
    assert stored_files(store_root) == {key}


def test_bytes_of_a_session_that_is_just_being_closed_stay(
    repository: Repository, store_root: Path
) -> None:
    session = open_upload(repository=repository, owner="user:1", now=NOW)
    append_chunk(session=session, chunk=Chunk([b"on its way"]), now=NOW)
    key = leave_bytes(b"on its way", upload=session.pk)
    date(store_root / key, NOW)

    assert reconciled(NOW + GRACE).counts == {}
    UploadSession.objects.update(is_closed=True)
    assert reconciled(NOW + GRACE).items(Garbage.STORED_BYTES) == 1


def test_bytes_count_as_new_when_they_are_finished_not_when_they_came(
    repository: Repository, store_root: Path
) -> None:
    upload = uuid4()
    with blob_store().hold(upload, 0, confirm=lambda: None) as writer:
        writer.write([b"long ago"])
        for file in (store_root / "uploads" / str(upload)).iterdir():
            date(file, NOW)
        writer.finish()

    (stored,) = blob_store().stored()
    assert stored.stored_at > datetime.now(UTC) - timedelta(minutes=5)


def test_unfinished_uploads_without_a_session_go_when_nothing_came_for_long(
    repository: Repository, store_root: Path
) -> None:
    session = open_upload(repository=repository, owner="user:1", now=NOW)
    append_chunk(session=session, chunk=Chunk([b"half"], length=4), now=NOW)
    with blob_store().hold(uuid4(), 0, confirm=lambda: None) as writer:
        writer.write([b"half"])
    for path in (store_root / "uploads").rglob("*"):
        date(path, NOW)

    assert reconciled(NOW + STALE - SECOND).counts == {}
    assert reconciled(NOW + STALE).items(Garbage.UPLOAD) == 1

    assert {folder.name for folder in (store_root / "uploads").iterdir()} == {str(session.pk)}


def test_what_cannot_be_deleted_is_reported_and_the_others_go(
    store_root: Path, repository: Repository
) -> None:
    keys = [leave_bytes(content) for content in (b"a", b"b", b"c")]
    for key in keys:
        date(store_root / key, NOW)
    stubborn = store_root / keys[1]
    stubborn.unlink()
    (stubborn / "inside").mkdir(parents=True)  # a folder of that name cannot be unlinked
    date(stubborn, NOW)

    report = reconciled(NOW + GRACE)

    assert report.items(Garbage.STORED_BYTES) == 2
    assert report.problem_count == 1
    assert keys[1] in report.problems[0]


# --- Rows without bytes -------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, b"", b"lay", b"layer and more"])
def test_a_blob_whose_bytes_are_gone_or_cut_is_hidden_until_it_is_pushed_again(
    repository: Repository, store_root: Path, content: bytes | None
) -> None:
    hold(repository, b"{}", b"layer")
    push(repository, image(b"{}", b"layer"))
    damage(store_root, Digest.of(b"layer"), content)

    said, is_fine = fsck_says()

    assert not is_fine
    assert str(Digest.of(b"layer")) in said
    assert Manifest.objects.get().digest in said
    with pytest.raises(BlobUnknown):
        find_blob(repository=repository, digest=Digest.of(b"layer"), now=NOW)
    with pytest.raises(ManifestBlobUnknown):
        push(repository, image(b"{}", b"layer"))
    hold(repository, b"layer")
    assert content_of(repository, Digest.of(b"layer")) == b"layer"
    assert fsck_says("--rehash")[1]
    assert len(stored_files(store_root)) == 2


def test_bytes_of_the_right_length_are_found_wrong_by_their_digest(
    repository: Repository, store_root: Path
) -> None:
    hold(repository, b"layer", b"sound")
    damage(store_root, Digest.of(b"layer"), b"LAYER")

    assert fsck_says()[1]
    said, is_fine = fsck_says("--rehash")

    assert not is_fine
    assert str(Digest.of(b"LAYER")) in said
    assert "2 blobs and 0 manifests examined, 1 problems." in said
    assert content_of(repository, Digest.of(b"sound")) == b"sound"
    hold(repository, b"layer")
    assert content_of(repository, Digest.of(b"layer")) == b"layer"


def test_a_dry_run_of_fsck_hides_nothing(repository: Repository, store_root: Path) -> None:
    hold(repository, b"layer", b"other")
    damage(store_root, Digest.of(b"layer"), None)
    damage(store_root, Digest.of(b"other"), b"OTHER")

    said, is_fine = fsck_says("--dry-run", "--rehash")

    assert not is_fine
    assert "2 problems" in said
    assert Blob.objects.filter(missing_at=None).count() == 2


def test_a_hidden_blob_whose_bytes_are_right_is_shown_again(repository: Repository) -> None:
    hold(repository, b"layer")
    Blob.objects.update(missing_at=NOW)

    fsck_says("--rehash")

    assert content_of(repository, Digest.of(b"layer")) == b"layer"


def test_a_store_that_is_not_there_costs_no_blob(repository: Repository, store_root: Path) -> None:
    hold(repository, b"layer")
    store_root.rename(store_root.with_name("unmounted"))

    with pytest.raises(CommandError, match="mounted"):
        call_command("fsck", stdout=StringIO())

    store_root.with_name("unmounted").rename(store_root)
    assert content_of(repository, Digest.of(b"layer")) == b"layer"


@pytest.fixture
def half(repository: Repository, store_root: Path) -> list[str]:
    """Digests of twelve blobs of which the store, perhaps another one, lacks eleven."""
    contents = [b"blob %d" % number for number in range(12)]
    hold(repository, *contents)
    for content in contents[:11]:
        damage(store_root, Digest.of(content), None)
    return [str(Digest.of(content)) for content in contents[:11]]


def hidden() -> list[str]:
    return sorted(Blob.objects.exclude(missing_at=None).values_list("pk", flat=True))


def test_fsck_asks_before_it_hides_a_large_part(half: list[str]) -> None:
    with pytest.raises(CommandError, match=r"lacks 11 of 12 blobs.*--yes"):
        fsck_says()

    assert hidden() == []


def test_fsck_hides_a_large_part_that_is_known_to_be_lost(half: list[str]) -> None:
    fsck_says("--yes")

    assert hidden() == sorted(half)


def test_a_dry_run_says_how_much_is_lost_without_asking(half: list[str]) -> None:
    text, is_fine = fsck_says("--dry-run")

    assert (text.count("the store does not hold"), is_fine) == (11, False)


def test_nothing_is_deleted_from_a_store_that_lacks_what_we_know(
    half: list[str], store_root: Path
) -> None:
    theirs = leave_bytes(b"of another registry")

    report = reconciled(datetime.now(UTC) + GRACE + SECOND)

    assert (store_root / theirs).exists()
    assert "may be another registry's" in report.problems[0]


@pytest.mark.parametrize(("lacking", "is_ours"), [(6, False), (5, True)])
def test_a_store_is_ours_when_it_has_more_than_half_of_what_we_know(
    lacking: int, is_ours: bool, repository: Repository, store_root: Path
) -> None:
    contents = [b"blob %d" % number for number in range(12)]
    hold(repository, *contents)
    for content in contents[:lacking]:
        damage(store_root, Digest.of(content), None)
    nameless = leave_bytes(b"of nobody")

    reconciled(datetime.now(UTC) + GRACE + SECOND)

    assert (store_root / nameless).exists() != is_ours


def test_a_manifest_that_is_not_what_its_digest_says_is_reported(repository: Repository) -> None:
    hold(repository, b"{}")
    push(repository, image(b"{}"))
    Manifest.objects.update(body=image(b"{}", annotations={"changed": "yes"}))

    said, is_fine = fsck_says()

    assert not is_fine
    assert "its bytes have another digest" in said


def test_a_manifest_that_lost_its_hold_on_a_blob_is_reported_and_a_push_mends_it(
    repository: Repository,
) -> None:
    hold(repository, b"{}")
    push(repository, image(b"{}"))
    ManifestBlob.objects.all().delete()

    said, is_fine = fsck_says()
    assert not is_fine
    assert "is not held for it; push it again" in said
    push(repository, image(b"{}"))
    assert fsck_says()[1]


def test_the_progress_of_rehashing_is_told(repository: Repository) -> None:
    hold(repository, *[bytes([n]) * 100 for n in range(10)])
    told: list[float] = []

    read = fsck.rehash(now=NOW, report=Report(), tell=told.append, dry_run=True)

    assert read == 10
    assert told == [pytest.approx(n / 10) for n in range(1, 11)]


def test_rows_and_bytes_are_matched_across_pages(repository: Repository, store_root: Path) -> None:
    hold(repository, *[str(n).encode() for n in range(30)])
    lost = set(list(Blob.objects.values_list("pk", flat=True))[::3])
    for digest in lost:
        damage(store_root, Digest.parse(digest), None)
    for n in range(10):
        date(store_root / leave_bytes(b"nameless %d" % n), NOW)

    report = Report()
    blobs = fsck.compare(now=NOW + GRACE, report=report, dry_run=False)

    assert blobs == 30
    assert report.items(Garbage.STORED_BYTES) == 10
    assert set(Blob.objects.exclude(missing_at=None).values_list("pk", flat=True)) == lost

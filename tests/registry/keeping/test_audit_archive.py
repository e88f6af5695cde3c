"""Events that leave the audit log are in an archive first, and can be read there."""

import json
import stat
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.audit import rotation
from accounts.audit.models import AuditEvent
from accounts.audit.rotation import rotate_log
from accounts.audit.services import record
from registry.gc import fsck
from registry.gc.report import Report
from registry.gc.store import reconcile_store
from registry.keeping.audit_archive import ArchiveBroken, AuditArchive, configured_archive
from registry.keeping.places import FolderPlace, Place
from registry.keeping.tasks import rotate_audit_log
from registry.storage.base import StorageUnavailable
from tests.registry.builders import NOW

pytestmark = pytest.mark.django_db

MONTH = timedelta(days=30)


def event(days_ago: int, target: str = "acme/web:v1") -> AuditEvent:
    at = NOW - timedelta(days=days_ago)
    return record(actor="ada", action="tag.move", target=target, now=at, address="192.0.2.1", a=1)


def rotated(archive: AuditArchive) -> int:
    return rotate_log(
        now=NOW, older_than=MONTH, archive=lambda events: archive.keep(events, now=NOW)
    )


def lines(archive: AuditArchive) -> Iterator[str]:
    for file in archive.files():
        yield from archive.lines(file)


@pytest.fixture
def archive(place: Place) -> AuditArchive:
    return AuditArchive(place)


@pytest.fixture
def only_file(archive: AuditArchive, place: FolderPlace) -> Path:
    """The file of an archive that has one."""
    event(40)
    rotated(archive)
    (file,) = archive.files()
    return place.root / file.name


@pytest.fixture
def in_store(settings: Settings) -> Path:
    """The folder of the store in use, where the job archives now."""
    settings.FEATURE_ACTION_LOG_ROTATION = True
    settings.ACTION_LOG_ARCHIVE_LOCATION = "default"
    return Path(settings.DISTRIBUTED_STORAGE_CONFIG["default"][1]["storage_path"])


def command(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("audit_archive", *arguments, stdout=output)
    return output.getvalue().splitlines()


def test_what_went_can_be_read_as_it_was(any_place: Place) -> None:
    archive, gone = AuditArchive(any_place), event(40)

    rotated(archive)

    assert [json.loads(line) for line in lines(archive)] == [
        {
            "id": gone.pk,
            "at": gone.at.isoformat(),
            "actor": "ada",
            "action": "tag.move",
            "target": "acme/web:v1",
            "namespace": "acme",
            "repository": "acme/web",
            "address": "192.0.2.1",
            "detail": {"a": 1},
        }
    ]


def test_each_day_has_files_of_its_own(archive: AuditArchive) -> None:
    for days in (40, 41, 41):
        event(days)

    assert [rotated(archive), rotated(archive), rotated(archive)] == [2, 1, 0]
    assert [(file.day, file.events) for file in archive.files()] == [
        ((NOW - timedelta(days=41)).date(), 2),
        ((NOW - timedelta(days=40)).date(), 1),
    ]


def test_a_day_that_is_not_all_past_its_time_stays(archive: AuditArchive) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    record(actor="ada", action="a", target="stays", now=midnight - MONTH)

    assert rotated(archive) == 0


def test_a_day_with_more_events_than_a_batch_has_several_files(
    archive: AuditArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH_ROWS", 2)
    for name in "abc":
        event(40, name)

    rotated(archive)
    rotated(archive)

    assert sorted(json.loads(line)["target"] for line in lines(archive)) == ["a", "b", "c"]


def test_rows_are_there_until_the_archive_has_been_read_back(
    place: FolderPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    event(40)
    monkeypatch.setattr(FolderPlace, "read", lambda *_: iter([b"other bytes"]))

    with pytest.raises(ArchiveBroken, match="other bytes"):
        rotated(AuditArchive(place))
    assert AuditEvent.objects.count() == 1


def test_a_crash_before_the_rows_are_deleted_leaves_one_file(archive: AuditArchive) -> None:
    event(40)
    archive.keep(list(AuditEvent.objects.all()), now=NOW)

    rotated(archive)

    assert len(list(archive.files())) == 1


def test_what_cannot_be_archived_stays(place: FolderPlace) -> None:
    place.root.write_text("a file, and no folder")
    event(40)

    with pytest.raises((OSError, StorageUnavailable)):
        rotated(AuditArchive(place))
    assert AuditEvent.objects.count() == 1


def test_an_event_that_waits_to_be_told_elsewhere_stays(
    archive: AuditArchive, settings: Settings
) -> None:
    settings.ACTION_LOG_FORWARD_TO = "stdout"
    event(40)

    assert rotated(archive) == 0


def test_a_line_of_the_archive_is_one_line_whatever_stood_in_the_event(
    archive: AuditArchive,
) -> None:
    event(40, "a\nb\u2028c")
    rotated(archive)

    assert len(list(lines(archive))) == 1


def test_nobody_else_reads_an_archive(only_file: Path) -> None:
    assert stat.S_IMODE(only_file.stat().st_mode) & 0o077 == 0


def test_a_file_with_other_bytes_is_told(archive: AuditArchive, only_file: Path) -> None:
    only_file.write_bytes(only_file.read_bytes()[:-1] + b"x")

    with pytest.raises(ArchiveBroken, match="is broken"):
        list(lines(archive))


def test_a_file_that_is_cut_is_told(archive: AuditArchive, only_file: Path) -> None:
    only_file.write_bytes(only_file.read_bytes()[:-1])

    with pytest.raises(ArchiveBroken, match="is broken"):
        list(lines(archive))


def test_what_is_no_file_of_the_archive_is_passed_over(
    archive: AuditArchive, only_file: Path
) -> None:
    only_file.with_name("notes.txt").write_text("mine")

    assert len(list(archive.files())) == 1


def test_a_stretch_of_days_can_be_asked_for(archive: AuditArchive) -> None:
    for days in (40, 41, 42):
        event(days)
        rotated(archive)
    middle = (NOW - timedelta(days=41)).date()

    found = archive.files(since=middle, before=middle + timedelta(days=1))

    assert [file.day for file in found] == [middle]


def test_the_job_archives_in_the_store_that_is_named(in_store: Path) -> None:
    event(4000)

    rotate_audit_log(a_newer_argument=1)

    assert len(list((in_store / "audit").rglob("*.jsonl.gz"))) == 1


def test_the_job_archives_in_the_folder_of_the_store_that_is_named(
    in_store: Path, settings: Settings
) -> None:
    settings.ACTION_LOG_ARCHIVE_PATH = "archives/log"
    event(4000)

    rotate_audit_log()

    assert len(list((in_store / "archives" / "log").rglob("*.jsonl.gz"))) == 1


def test_the_job_archives_in_the_data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.FEATURE_ACTION_LOG_ROTATION = True
    settings.ACTION_LOG_ARCHIVE_PATH = "log-archive"
    settings.DATA_DIR = tmp_path
    event(4000)

    rotate_audit_log()

    assert len(list((tmp_path / "log-archive" / "audit").rglob("*.jsonl.gz"))) == 1


def test_without_the_key_all_events_stay() -> None:
    event(4000)

    rotate_audit_log()

    assert AuditEvent.objects.count() == 1


def test_without_an_archive_the_job_lets_events_go(settings: Settings) -> None:
    settings.FEATURE_ACTION_LOG_ROTATION = True
    event(4000)

    rotate_audit_log()

    assert AuditEvent.objects.count() == 0


def test_collection_and_fsck_take_no_file_of_the_archive_for_a_leftover(in_store: Path) -> None:
    event(4000)
    rotate_audit_log()
    later, report = NOW + timedelta(days=4000), Report()

    reconcile_store(now=later, abandoned_after=timedelta(0), report=report)
    fsck.compare(now=later, report=report, dry_run=False)

    archive = configured_archive()
    assert archive
    assert (len(list(archive.files())), report.problems) == (1, [])


def test_the_command_lists_what_is_archived(in_store: Path) -> None:
    event(4000)
    rotate_audit_log()
    archive = configured_archive()
    assert archive
    (file,) = archive.files()

    assert command() == [
        f"        1 events {file.size:>12,} bytes  {file.name}",
        f"1 events in 1 files, {file.size:,} bytes",
    ]


def test_the_command_writes_events(in_store: Path) -> None:
    event(4000, "acme/web:v2")
    rotate_audit_log()

    assert [json.loads(line)["target"] for line in command("--read")] == ["acme/web:v2"]


def test_the_command_leaves_out_other_days(in_store: Path) -> None:
    event(4000)
    rotate_audit_log()

    assert command("--read", "--since", NOW.date().isoformat()) == []


@pytest.mark.usefixtures("in_store")
def test_the_command_reads_on_behind_a_broken_file(in_store: Path) -> None:
    for days in (4000, 4001):
        event(days, f"from-{days}")
        rotate_audit_log()
    next(in_store.rglob(f"{(NOW - timedelta(days=4001)).date()}/*.gz")).write_bytes(b"")
    output, errors = StringIO(), StringIO()

    with pytest.raises(SystemExit):
        call_command("audit_archive", "--read", stdout=output, stderr=errors)
    assert [json.loads(line)["target"] for line in output.getvalue().splitlines()] == ["from-4000"]


def test_the_command_says_when_there_is_no_archive() -> None:
    with pytest.raises(CommandError, match="there is no archive"):
        command()

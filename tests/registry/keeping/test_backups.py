"""A backup holds all that the registry held at one moment, and gives it back."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from artifacts.oci.digest import Digest
from registry.blobs.models import Blob
from registry.gc import fsck
from registry.gc.report import Report
from registry.keeping.backups import (
    Backup,
    BackupInvalid,
    back_up,
    backups,
    forget_all_but,
    open_backup,
)
from registry.keeping.copying import Copied
from registry.keeping.places import FolderPlace, Place
from registry.keeping.restoration import RestoreRefused, restore
from registry.keeping.tables import OF_THE_MOMENT
from registry.repositories.models import Repository
from registry.storage.base import StorageUnavailable
from tests.registry.builders import hold, image, make_repository, push

pytestmark = pytest.mark.usefixtures("filled")
Lose = Callable[[], FolderPlace]


def backed_up(place: Place) -> tuple[Backup, Copied]:
    return back_up(place, extras={"secret_key": b"a key"}, version="1", clock=timezone.now)


def held() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    return {
        model._meta.label: sorted(
            (tuple(map(_shown, row)) for row in model._base_manager.values_list()), key=repr
        )
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.label not in OF_THE_MOMENT
    }


def _shown(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def damage() -> list[str]:
    report = Report()
    now = timezone.now()
    fsck.compare(now=now, report=report, dry_run=True)
    fsck.rehash(now=now, report=report, tell=lambda _: None, dry_run=True)
    fsck.check_manifests(report=report)
    return report.problems


def test_everything_comes_back(any_place: Place, lose_everything: Lose) -> None:
    before = held()
    backup, _ = backed_up(any_place)
    restore(backup, lose_everything())

    assert (held(), damage()) == (before, [])


def test_new_rows_can_be_made_afterwards(place: Place, lose_everything: Lose) -> None:
    backup, _ = backed_up(place)
    restore(backup, lose_everything())

    make_repository("acme/next")

    assert Repository.objects.filter(path="acme/next").count() == 1


def test_blobs_that_are_there_are_not_copied_again(any_place: Place) -> None:
    backed_up(any_place)
    hold(make_repository("acme/next"), b"a new layer")

    _, copied = backed_up(any_place)

    assert (copied.copied, copied.copied_bytes) == (1, len(b"a new layer"))


def test_what_a_backup_is_stands_in_its_manifest(place: Place) -> None:
    backup, _ = backed_up(place)

    manifest = open_backup(place).manifest
    assert manifest == backup.manifest
    assert (manifest["version"], manifest["database"]) == ("1", connection.vendor)
    assert manifest["blobs"] == {"count": 3, "bytes": len(b"{}layer onelayer two")}
    assert manifest["tables"]["tags.Tag"]["rows"] == 6


def test_tables_that_are_behind_are_not_copied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("config.management.commands.backup.pending_migrations", lambda: 1)
    with pytest.raises(CommandError, match="run 'berth migrate' first"):
        call_command("backup", str(tmp_path / "backup"))

    assert not (tmp_path / "backup").exists()


def test_what_belongs_to_it_comes_along(place: Place) -> None:
    backup, _ = backed_up(place)

    assert b"".join(backup.file("secret_key")) == b"a key"


@dataclass
class Breaking:
    """A place that fails from the ``left``-th write on."""

    place: Place
    left: int

    def write(self, name: str, pieces: Iterable[bytes], size: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise StorageUnavailable
        self.place.write(name, pieces, size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.place, name)


@pytest.mark.parametrize("writes", [2, 30])
def test_a_backup_that_breaks_off_leaves_the_last_one_whole(
    place: Place, lose_everything: Lose, writes: int
) -> None:
    before = held()
    backed_up(place)
    hold(make_repository("acme/next"), b"a", b"b", b"c", b"d")
    with pytest.raises(StorageUnavailable):
        backed_up(Breaking(place, writes))

    restore(open_backup(place), lose_everything())
    assert held() == before


def test_a_backup_that_broke_off_goes_on_with_what_it_copied(place: Place) -> None:
    with pytest.raises(StorageUnavailable):
        backed_up(Breaking(place, 5))

    _, copied = backed_up(place)

    assert (copied.copied, copied.blobs) == (0, 3)


def test_a_restore_that_breaks_off_is_begun_again(place: Place, lose_everything: Lose) -> None:
    before = held()
    backup, _ = backed_up(place)
    target = lose_everything()
    with pytest.raises(StorageUnavailable):
        restore(backup, Breaking(target, 1))
    restore(backup, target)

    assert held() == before


def test_a_database_that_is_not_empty_stays_as_it_is(place: Place, tmp_path: Path) -> None:
    before = held()
    backup, _ = backed_up(place)
    with pytest.raises(RestoreRefused, match="the database is not empty"):
        restore(backup, FolderPlace(tmp_path / "other"))

    assert held() == before


def test_a_store_that_is_not_empty_stays_as_it_is(place: Place, lose_everything: Lose) -> None:
    backup, _ = backed_up(place)
    target = lose_everything()
    target.write("blobs/00/other", [b"others"], 6)

    with pytest.raises(RestoreRefused, match="it holds blobs/00/other"):
        restore(backup, target)


@pytest.mark.parametrize(
    ("name", "change"),
    [("rows/tags.Tag.gz", "cut"), ("rows/tags.Tag.gz", "other"), ("blobs.gz", "lost")],
)
def test_a_broken_backup_makes_no_registry(
    place: Place, lose_everything: Lose, name: str, change: str
) -> None:
    backup, _ = backed_up(place)
    where, size = f"{backup.folder}/{name}", backup.manifest["files"][name]["size"]
    content = b"".join(place.read(where, size))
    place.delete(where)
    if change != "lost":
        other = content[:-1] + (b"" if change == "cut" else bytes([content[-1] ^ 1]))
        place.write(where, [other], len(other))

    with pytest.raises(BackupInvalid):
        restore(backup, lose_everything())
    assert not Repository.objects.exists()


def test_tables_of_another_version_are_refused(place: Place, lose_everything: Lose) -> None:
    backup, _ = backed_up(place)
    del backup.manifest["tables"]["tags.Tag"]

    with pytest.raises(RestoreRefused, match="restore it with that version"):
        restore(backup, lose_everything())


def test_a_blob_whose_bytes_are_lost_is_named(place: Place, store_root: Path) -> None:
    blob = Blob.objects.get(pk=str(Digest.of(b"layer one")))
    (store_root / blob.storage_key).unlink()

    backup, copied = backed_up(place)

    assert (copied.lost, backup.manifest["lost"]) == ([blob.digest], [blob.digest])


def test_a_blob_whose_bytes_are_wrong_is_not_copied(place: Place, store_root: Path) -> None:
    blob = Blob.objects.get(pk=str(Digest.of(b"layer one")))
    (store_root / blob.storage_key).write_bytes(b"LAYER ONE")

    _, copied = backed_up(place)

    assert copied.lost == [blob.digest]
    assert blob.storage_key not in {file.name for file in place.files("blobs")}


def test_old_backups_go_with_the_blobs_that_they_alone_name(any_place: Place) -> None:
    backed_up(any_place)
    lost = Blob.objects.get(pk=str(Digest.of(b"layer two")))
    Repository.deleted.filter(path="acme/gone").delete()
    lost.delete()
    backed_up(any_place)

    assert forget_all_but(any_place, 1) == (1, 1)
    assert len(backups(any_place)) == 1
    assert lost.storage_key not in {file.name for file in any_place.files("blobs")}


def test_every_push_that_was_acknowledged_before_is_in_it(
    place: Place, lose_everything: Lose
) -> None:
    repository = make_repository("acme/busy")
    acknowledged: list[str] = []
    stop = threading.Event()

    def push_on() -> None:
        for number in range(500):
            if stop.is_set():
                break
            layer = b"layer %d" % number
            hold(repository, b"{}", layer)
            push(repository, image(b"{}", layer), f"v{number}")
            acknowledged.append(f"v{number}")
        connection.close()

    pusher = threading.Thread(target=push_on)
    pusher.start()
    while len(acknowledged) < 3 and pusher.is_alive():
        stop.wait(0.01)
    before = list(acknowledged)
    backup, _ = backed_up(place)
    stop.set()
    pusher.join()
    restore(backup, lose_everything())

    busy = Repository.objects.get(path="acme/busy")
    assert set(before) <= set(busy.tags.values_list("name", flat=True))
    assert damage() == []

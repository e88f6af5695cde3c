"""The order of steps that lets bytes survive a power cut; and what is left on the disk."""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from registry.storage import files, filesystem
from registry.storage.base import BytesMissing, DiskFailed, WriterReplaced
from registry.storage.filesystem import FilesystemStore

MIB = 1024 * 1024


def agree() -> None:
    """A ``confirm`` that finds the offset still right."""


class Clock:
    """What the store takes for the time, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


def test_an_upload_is_synced_in_its_place_before_the_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    store = FilesystemStore(root=tmp_path)
    store.keep(uuid4(), b"there is a folder now")
    _watch(monkeypatch, steps)

    with store.hold(uuid4(), 0, confirm=agree) as writer:
        writer.write([b"hello"])
        steps.clear()
        key = writer.finish()
    store.settle([key])

    place = tmp_path / key
    assert steps == [f"rename {place}", f"fsync {place}", f"fsync {place.parent}"]


def test_bytes_that_are_kept_at_once_are_synced_before_their_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    store = FilesystemStore(root=tmp_path)
    upload = uuid4()
    store.keep(upload, b"there is a folder now")
    _watch(monkeypatch, steps)

    key = store.keep(upload, b"hello")
    store.settle([key])

    assert steps == [f"fsync {tmp_path / key}", f"fsync {(tmp_path / key).parent}"]


@pytest.mark.parametrize("before", [0, 1000])
def test_all_of_a_large_upload_is_on_its_way_to_the_disk_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    begun: list[tuple[int, int]] = []  # from, to
    store, upload = FilesystemStore(root=tmp_path), uuid4()
    with store.hold(upload, 0, confirm=agree) as writer:
        writer.write([bytes(before)])

    def note(_file: int, start: int, length: int, _advice: int) -> None:
        begun.append((start, start + length))

    monkeypatch.setattr(os, "posix_fadvise", note)
    with store.hold(upload, before, confirm=agree) as writer:
        writer.write(bytes(MIB) for _ in range(20))

    last = before + 20 * MIB
    assert begun == [
        (before, before + 8 * MIB),
        (before + 8 * MIB, before + 16 * MIB),
        (before + 16 * MIB, last),
    ]


def test_what_was_cut_off_and_written_again_is_on_its_way_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, start, *_: begun.append(start))
    store = FilesystemStore(root=tmp_path)

    with store.hold(uuid4(), 0, confirm=agree) as writer:
        writer.write([bytes(8 * MIB)])
        writer.cut(3 * MIB)
        writer.write([bytes(MIB)])

    assert begun == [0, 3 * MIB]


def test_what_is_kept_in_one_second_is_synced_with_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    store = FilesystemStore(root=tmp_path)
    kept = [store.keep(uuid4(), b"hello") for _ in range(3)]
    _watch(monkeypatch, steps)

    store.settle(kept)

    assert steps[3:] == [f"fsync {(tmp_path / kept[0]).parent}"]


def test_of_many_that_are_kept_all_files_are_synced_before_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    steps: list[str] = []
    store = FilesystemStore(root=tmp_path)
    kept = []
    for clock.now in (0, 1, 1):
        kept.append(store.keep(uuid4(), b"hello"))
    _watch(monkeypatch, steps)

    store.settle(kept)

    assert sorted(steps[:3]) == sorted(f"fsync {tmp_path / key}" for key in kept)
    folders = {f"fsync {(tmp_path / key).parent}" for key in kept}
    assert sorted(steps[3:]) == sorted(folders)


def test_of_many_two_files_are_synced_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2)
    store = FilesystemStore(root=tmp_path)
    kept = [store.keep(uuid4(), b"hello") for _ in range(4)]
    monkeypatch.setattr(filesystem, "sync_file", lambda _: together.wait(timeout=30))

    store.settle(kept)

    assert not together.broken


def test_a_machine_without_a_thread_left_syncs_one_file_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, steps = ThreadPoolExecutor(1), list[str]()
    ended.shutdown()
    monkeypatch.setattr(files, "_syncing", lambda: ended)
    store = FilesystemStore(root=tmp_path)
    kept = [store.keep(uuid4(), b"hello") for _ in range(3)]
    _watch(monkeypatch, steps)

    store.settle(kept)

    assert steps[:3] == [f"fsync {tmp_path / key}" for key in kept]


@pytest.mark.parametrize("failing", [1, 3], ids=["file", "folder"])
def test_bytes_that_cannot_be_synced_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    store, upload, calls = FilesystemStore(root=tmp_path), uuid4(), [0]
    store.delete(store.keep(upload, b"there is a folder now"))

    def fail(_file: int) -> None:
        calls[0] += 1
        if calls[0] == failing:
            raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(os, "fsync", fail)
    with store.hold(uuid4(), 0, confirm=agree) as writer:
        writer.write([b"goodbye"])
        kept = [store.keep(upload, b"hello"), writer.finish()]
    with pytest.raises(DiskFailed):
        store.settle(kept)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_another_process_has_just_made_is_synced_here_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    (tmp_path / "blobs" / "00").mkdir(parents=True)
    _watch(monkeypatch, steps)

    FilesystemStore(root=tmp_path).keep(uuid4(), b"hello")

    assert f"fsync {tmp_path / 'blobs'}" in steps


def test_folders_that_are_there_are_synced_once_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    store, steps = FilesystemStore(root=tmp_path), list[str]()
    for number in range(256):
        (tmp_path / "blobs" / f"{number:02x}").mkdir(parents=True)
    _watch(monkeypatch, steps)

    for clock.now in range(0, 256, 15):
        store.keep(uuid4(), b"hello")

    assert steps.count(f"fsync {tmp_path / 'blobs'}") == 1


def test_a_new_folder_is_synced_together_with_those_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    store, steps = FilesystemStore(root=tmp_path), list[str]()
    store.keep(uuid4(), b"hello")
    _watch(monkeypatch, steps)

    for clock.now in range(16):
        store.keep(uuid4(), b"hello")

    assert f"fsync {tmp_path / 'blobs'}" not in steps


def test_new_folders_are_synced_into_their_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    _watch(monkeypatch, steps)

    with FilesystemStore(root=tmp_path).hold(uuid4(), 0, confirm=agree) as writer:
        writer.finish()

    assert f"fsync {tmp_path}" in steps
    assert f"fsync {tmp_path / 'blobs'}" in steps


def test_a_finished_upload_leaves_one_file_and_nothing_else(tmp_path: Path) -> None:
    store, upload = FilesystemStore(root=tmp_path), uuid4()
    for end in (0, 2, 4):
        with store.hold(upload, end, confirm=agree) as writer:
            writer.write([b"ab"])
    with store.hold(upload, 6, confirm=agree) as writer:
        key = writer.finish()

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / key]
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_refused_writer_leaves_no_folder_behind(tmp_path: Path) -> None:
    store = FilesystemStore(root=tmp_path)

    def refuse() -> None:
        raise KeyError

    with pytest.raises(KeyError), store.hold(uuid4(), 0, confirm=refuse):
        pass
    with pytest.raises(BytesMissing), store.hold(uuid4(), 9, confirm=agree):
        pass

    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.fixture
def replaced_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[UUID, Path]:
    """An upload whose folder is removed and made anew while somebody waits for its lock."""
    upload, locked = uuid4(), files.locked
    folder = tmp_path / "uploads" / str(upload)
    folder.mkdir(parents=True)

    @contextmanager
    def locked_too_late(lock: int) -> Iterator[None]:
        with locked(lock):
            if not any(folder.iterdir()):
                folder.rmdir()
                folder.mkdir()
                (folder / "theirs").touch()
            yield

    monkeypatch.setattr(filesystem, "locked", locked_too_late)
    return upload, folder


def test_a_writer_that_got_the_lock_of_a_folder_that_is_gone_takes_nothing_over(
    tmp_path: Path, replaced_folder: tuple[UUID, Path]
) -> None:
    upload, folder = replaced_folder

    with pytest.raises(WriterReplaced), FilesystemStore(tmp_path).hold(upload, 0, confirm=agree):
        pass

    assert [path.name for path in folder.iterdir()] == ["theirs"]


def test_who_got_the_lock_of_a_folder_that_is_gone_discards_nothing(
    tmp_path: Path, replaced_folder: tuple[UUID, Path]
) -> None:
    upload, folder = replaced_folder

    FilesystemStore(tmp_path).discard(upload)

    assert [path.name for path in folder.iterdir()] == ["theirs"]


def test_a_refused_writer_does_not_remove_a_folder_that_was_made_anew(tmp_path: Path) -> None:
    upload = uuid4()
    folder = tmp_path / "uploads" / str(upload)

    def refuse() -> None:
        folder.rmdir()
        folder.mkdir()
        raise KeyError

    with pytest.raises(KeyError), FilesystemStore(tmp_path).hold(upload, 0, confirm=refuse):
        pass

    assert folder.is_dir()


def test_readers_give_their_files_back(tmp_path: Path) -> None:
    store = FilesystemStore(root=tmp_path)
    with store.hold(uuid4(), 0, confirm=agree) as writer:
        writer.write([b"hello"])
        key = writer.finish()
    before = _open_files()

    for _ in range(20):
        list(store.read(key, 0, 5))
        next(store.read(key, 0, 5))
        store.read(key, 0, 5)

    assert _open_files() == before


def test_writers_give_their_files_back(tmp_path: Path) -> None:
    store, upload = FilesystemStore(root=tmp_path), uuid4()
    before = _open_files()

    for _ in range(20):
        with store.hold(upload, 0, confirm=agree) as writer:
            writer.write([b"hello"])
            list(writer.read(5))
        with pytest.raises(BytesMissing), store.hold(upload, 9, confirm=agree):
            pass

    assert _open_files() == before


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _watch(monkeypatch: pytest.MonkeyPatch, steps: list[str]) -> None:
    fsync: Callable[[int], None] = os.fsync
    rename = Path.rename

    def watched_fsync(file: int) -> None:
        steps.append(f"fsync {Path(f'/proc/self/fd/{file}').readlink()}")
        fsync(file)

    def watched_rename(path: Path, target: Path) -> Path:
        steps.append(f"rename {target}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "rename", watched_rename)

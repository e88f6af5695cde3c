"""A store without room says so, and stays as it was."""

import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from artifacts.oci.errors import StorageFull
from registry.storage.filesystem import FilesystemStore

DISK_BYTES = 2 * 1024 * 1024
PIECE = b"x" * 64 * 1024

FILL = textwrap.dedent(
    """
    import resource, signal, sys
    from pathlib import Path
    from uuid import uuid4

    from artifacts.oci.errors import StorageFull
    from registry.storage.filesystem import FilesystemStore

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    with FilesystemStore(root=Path(sys.argv[1])).hold(uuid4(), 0, confirm=lambda: None) as writer:
        writer.write([b"kept"])
        try:
            writer.write([b"x" * 60_000, b"x" * 60_000])
        except StorageFull as error:
            print(error)
        print(b"".join(writer.read(1_000_000)).decode())
    """
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB. Only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_told_and_what_was_there_stays(small_disk: Path) -> None:
    store, upload = FilesystemStore(root=small_disk), uuid4()
    with store.hold(upload, 0, confirm=lambda: None) as writer:
        writer.write([b"first chunk"])
    before = _tree(small_disk)

    with (
        store.hold(upload, 11, confirm=lambda: None) as writer,
        pytest.raises(StorageFull, match="storage is full"),
    ):
        writer.write(PIECE for _ in range(100))

    assert [size for _, size in _tree(small_disk)] == [size for _, size in before]
    with store.hold(upload, 11, confirm=lambda: None) as writer:
        assert b"".join(writer.read(11)) == b"first chunk"
        writer.write([b", second"])
        key = writer.finish()
    assert b"".join(store.read(key, 0, 100)) == b"first chunk, second"


def test_a_disk_without_a_free_inode_is_full_too(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,nr_inodes=4", str(small_disk)], check=True)
    store = FilesystemStore(root=small_disk)

    def fill() -> None:
        for _ in range(5):
            with store.hold(uuid4(), 0, confirm=lambda: None):
                pass

    with pytest.raises(StorageFull):
        fill()


def test_room_is_asked_for_before_bytes_come(small_disk: Path) -> None:
    store = FilesystemStore(root=small_disk)

    with pytest.raises(StorageFull):
        store.require_room(DISK_BYTES)


def test_a_store_that_is_not_there_yet_has_room(tmp_path: Path) -> None:
    FilesystemStore(root=tmp_path / "not" / "yet").require_room(1)


def test_more_than_the_disk_could_ever_hold_has_no_room(tmp_path: Path) -> None:
    with pytest.raises(StorageFull):
        FilesystemStore(root=tmp_path).require_room(2**60)


def test_a_file_that_may_not_grow_is_a_full_store(tmp_path: Path) -> None:
    assert resource.RLIMIT_FSIZE is not None
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["the registry's storage is full", "kept"]


def _tree(root: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_size) for path in root.rglob("*") if path.is_file())


def test_for_a_moment_small_blobs_are_taken_without_asking_a_disk_that_had_plenty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FilesystemStore(root=tmp_path)
    _has_free(monkeypatch, 5 * 1024**3)
    store.require_room(1)
    _has_free(monkeypatch, 0)

    store.require_room(1024)

    with pytest.raises(StorageFull):
        store.require_room(1024**3)


def test_a_disk_without_plenty_is_asked_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FilesystemStore(root=tmp_path)
    _has_free(monkeypatch, 1024**3)
    store.require_room(1)
    _has_free(monkeypatch, 0)

    with pytest.raises(StorageFull):
        store.require_room(1024)


def _has_free(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    monkeypatch.setattr(FilesystemStore, "_free_bytes", lambda _: free_bytes)


def test_a_small_blob_is_kept_in_a_folder_that_somebody_removed(tmp_path: Path) -> None:
    store, upload = FilesystemStore(root=tmp_path), uuid4()
    first = store.keep(upload, b"first")
    store.delete(first)
    (tmp_path / first).parent.rmdir()

    second = store.keep(upload, b"second")

    assert (tmp_path / second).read_bytes() == b"second"

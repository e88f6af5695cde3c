"""Files: what can be read without waiting for a disk, and how much is written at once."""

import os
from pathlib import Path

import pytest

from registry.storage.base import PIECE_BYTES
from registry.storage.files import FileReader, write_all


@pytest.fixture
def file(tmp_path: Path) -> int:
    path = tmp_path / "blob"
    path.write_bytes(b"x" * (PIECE_BYTES + 1))
    return os.open(path, os.O_RDWR)


def test_what_was_written_just_now_is_in_memory(file: int) -> None:
    assert FileReader(file, 0, PIECE_BYTES + 1).is_in_memory()


def test_what_was_dropped_from_memory_is_not_there(file: int) -> None:
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)

    assert not FileReader(file, 0, PIECE_BYTES).is_in_memory()


def test_there_is_no_waiting_for_the_end(file: int) -> None:
    reader = FileReader(file, 0, PIECE_BYTES)
    next(reader)

    assert reader.is_in_memory()


def test_a_file_that_was_cut_off_is_waited_for(file: int) -> None:
    reader = FileReader(file, 0, PIECE_BYTES)
    os.ftruncate(file, 5)

    assert not reader.is_in_memory()


def test_where_nothing_can_tell_every_piece_is_waited_for(
    file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.storage.files._WITHOUT_WAITING", 1 << 30)

    assert not FileReader(file, 0, PIECE_BYTES).is_in_memory()


def test_much_is_written_in_calls_of_a_size_that_memory_is_at_hand_for(
    file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    pwrite = os.pwrite

    def noted(to: int, piece: memoryview, position: int) -> int:
        sizes.append(len(piece))
        return pwrite(to, piece, position)

    monkeypatch.setattr(os, "pwrite", noted)
    content = bytes(range(256)) * 600

    end = write_all(file, content, 5)

    assert sizes == [65536, 65536, 22528]
    assert os.pread(file, end - 5, 5) == content

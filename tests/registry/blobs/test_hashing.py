"""What a process remembers of the uploads it has seen the beginning of."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from artifacts.oci.digest import Digest
from registry.blobs import hashing
from registry.storage.base import UploadWriter
from registry.storage.filesystem import FilesystemStore

STORED = b"hello world"


@pytest.fixture
def upload() -> UUID:
    return uuid4()


@pytest.fixture
def writer(tmp_path: Path, upload: UUID) -> Iterator[UploadWriter]:
    with FilesystemStore(root=tmp_path).hold(upload, 0, confirm=lambda: None) as writer:
        writer.write([STORED])
        yield writer


@pytest.fixture
def first_half(upload: UUID) -> hashing.Hasher:
    """A remembered hasher of the first six bytes."""
    hasher = hashing.Hasher("sha256")
    hasher.update(STORED[:6])
    hashing.keep(upload, hasher)
    return hasher


@pytest.mark.parametrize("offset", [0, 1, 6, 11])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_hasher_has_seen_the_bytes_up_to_its_offset(
    writer: UploadWriter, upload: UUID, algorithm: str, offset: int
) -> None:
    hasher = hashing.hasher_at(writer, upload, algorithm, offset)

    assert hasher.length == offset
    assert hasher.digest() == Digest.of(STORED[:offset], algorithm)


def test_what_is_remembered_of_other_bytes_does_not_count(
    writer: UploadWriter, upload: UUID, first_half: hashing.Hasher
) -> None:
    # Another process has received the rest meanwhile.
    assert hashing.hasher_at(writer, upload, "sha256", 11).digest() == Digest.of(STORED)
    assert hashing.hasher_at(writer, upload, "sha512", 6).digest() == Digest.of(
        STORED[:6], "sha512"
    )
    assert hashing.hasher_at(writer, uuid4(), "sha256", 11).digest() == Digest.of(STORED)


def test_a_chunk_that_failed_is_not_remembered(
    writer: UploadWriter, upload: UUID, first_half: hashing.Hasher
) -> None:
    hashing.hasher_at(writer, upload, "sha256", 6).update(b"moon!")

    assert hashing.hasher_at(writer, upload, "sha256", 11).digest() == Digest.of(STORED)


def test_what_is_forgotten_is_read_again(
    writer: UploadWriter, upload: UUID, first_half: hashing.Hasher
) -> None:
    hashing.forget(upload)

    assert hashing.hasher_at(writer, upload, "sha256", 6).digest() == Digest.of(STORED[:6])


def test_the_memory_is_bounded(writer: UploadWriter) -> None:
    for _ in range(2000):
        hashing.keep(uuid4(), hashing.Hasher("sha256"))

    assert len(hashing._hashers) <= 1000

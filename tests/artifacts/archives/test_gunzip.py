"""gzip whose cost lies in what does not come out of it."""

import gzip
import io
import zlib

import pytest

from artifacts.archives import gunzip
from artifacts.archives.gunzip import MAX_PACKED_FOR_NOTHING, Gunzip, GzipBroken

EMPTY = gzip.compress(b"", mtime=0)
TEXT = bytes(range(256)) * 1000


class Counted(io.BytesIO):
    """Packed bytes that say how many of them were read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.bytes_read += len(piece)
        return piece


def unpacked(content: bytes, size: int = 1000) -> bytes:
    stream, pieces = Gunzip(io.BytesIO(content)), []
    while piece := stream.read(size):
        assert len(piece) <= size
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("size", [1, 512, 1024 * 1024])
def test_members_follow_each_other(size: int) -> None:
    text = TEXT[: 2000 if size == 1 else None]

    assert unpacked(gzip.compress(text) + EMPTY + gzip.compress(b"end"), size) == text + b"end"


def test_zeros_behind_it_are_no_member() -> None:
    assert unpacked(gzip.compress(TEXT) + bytes(100_000)) == TEXT
    assert unpacked(gzip.compress(b"a") + bytes(100) + gzip.compress(b"b")) == b"ab"


def test_a_file_for_each_member_is_read_whole() -> None:
    members = [gzip.compress(b"%d," % number, mtime=0) for number in range(30_000)]

    assert unpacked(b"".join(members)).count(b",") == 30_000


@pytest.mark.parametrize(
    "content",
    [
        EMPTY * (8 * 1024**2 // len(EMPTY)),
        b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"A" * 8 * 1024**2,
        b"\x1f\x8b\x08\x10\0\0\0\0\0\xff" + b"A" * 8 * 1024**2,
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0\0\0\xff\xff" * (8 * 1024**2 // 5),
    ],
    ids=["empty members", "long name", "long comment", "empty blocks"],
)
def test_what_packs_nothing_is_left_after_a_while(content: bytes) -> None:
    packed = Counted(content)

    with pytest.raises(GzipBroken, match="too little"):
        Gunzip(packed).read(1)

    assert packed.bytes_read <= MAX_PACKED_FOR_NOTHING + 64 * 1024


def test_members_of_one_byte_end_when_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gunzip, "MAX_MEMBERS", 100)

    with pytest.raises(GzipBroken, match="too many members"):
        unpacked(gzip.compress(b"x") * 101)


def test_a_broken_member_is_refused() -> None:
    with pytest.raises(GzipBroken, match="broken"):
        unpacked(gzip.compress(TEXT) + b"rubbish")


def test_what_is_cut_short_ends_early() -> None:
    content = gzip.compress(TEXT)

    assert TEXT.startswith(unpacked(content[: len(content) // 2]))
    assert unpacked(b"") == b""


def test_a_tick_may_end_it() -> None:
    def tick() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        Gunzip(io.BytesIO(zlib.compress(b"x", wbits=31)), tick).read(1)

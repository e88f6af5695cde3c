"""What every store promises to the registry: ``registry.storage.base``."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from registry.storage.base import PIECE_BYTES, BlobStore, BytesMissing, WriterReplaced

pytestmark = pytest.mark.django_db


def agree() -> None:
    """A ``confirm`` that finds the offset still right."""


class Stale(Exception):
    """What a ``confirm`` raises that finds the offset wrong."""


def refuse() -> None:
    raise Stale


def store_bytes(store: BlobStore, *pieces: bytes, upload: UUID | None = None) -> str:
    with store.hold(upload or uuid4(), 0, confirm=agree) as writer:
        writer.write(pieces)
        return writer.finish()


def stored(store: BlobStore, key: str) -> bytes:
    size = store.size(key)
    assert size is not None
    return b"".join(store.read(key, 0, size))


def arrived(store: BlobStore, upload: UUID, length: int) -> bytes:
    with store.hold(upload, length, confirm=agree) as writer:
        return b"".join(writer.read(length))


def test_what_was_written_is_read_back(store: BlobStore) -> None:
    key = store_bytes(store, b"he", b"", b"llo")

    assert stored(store, key) == b"hello"
    assert store.size(key) == 5


@pytest.mark.parametrize("content", [b"", b"hello"])
def test_what_is_kept_at_once_is_read_back(store: BlobStore, content: bytes) -> None:
    key = store.keep(uuid4(), content)

    assert stored(store, key) == content
    assert [found.key for found in store.stored()] == [key]
    assert list(store.unfinished()) == []


def test_a_key_is_used_once_though_an_upload_is_kept_twice(store: BlobStore) -> None:
    upload = uuid4()
    first, second = store.keep(upload, b"first"), store.keep(upload, b"second")

    store.delete(first)

    assert stored(store, second) == b"second"


def test_nothing_at_all_can_be_stored(store: BlobStore) -> None:
    key = store_bytes(store)

    assert store.size(key) == 0
    assert stored(store, key) == b""


def test_write_tells_how_many_bytes_it_appended(store: BlobStore) -> None:
    with store.hold(uuid4(), 0, confirm=agree) as writer:
        assert writer.write([b"he", b"llo"]) == 5
        assert writer.write([]) == 0
        assert writer.write([b"!"]) == 1


def test_an_upload_goes_on_where_an_earlier_writer_stopped(store: BlobStore) -> None:
    upload = uuid4()
    with store.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"hello "])

    with store.hold(upload, 6, confirm=agree) as writer:
        writer.write([b"world"])
        key = writer.finish()

    assert stored(store, key) == b"hello world"


def test_bytes_behind_the_offset_are_cut_off(store: BlobStore) -> None:
    upload = uuid4()
    with store.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"hello and more"])

    with store.hold(upload, 5, confirm=agree) as writer:
        assert b"".join(writer.read(100)) == b"hello"
        writer.write([b"!"])
        key = writer.finish()

    assert stored(store, key) == b"hello!"


def test_a_chunk_written_twice_counts_once(store: BlobStore) -> None:
    upload = uuid4()
    for _ in range(2):
        with store.hold(upload, 0, confirm=agree) as writer:
            writer.write([b"hello"])

    with store.hold(upload, 5, confirm=agree) as writer:
        assert stored(store, writer.finish()) == b"hello"


def test_an_offset_beyond_what_is_there_means_that_bytes_are_missing(store: BlobStore) -> None:
    upload = uuid4()
    with store.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"hello"])

    with pytest.raises(BytesMissing), store.hold(upload, 6, confirm=agree):
        pass
    with pytest.raises(BytesMissing), store.hold(uuid4(), 1, confirm=agree):
        pass

    assert arrived(store, upload, 5) == b"hello"


def test_an_upload_that_finished_holds_no_bytes_any_more(store: BlobStore) -> None:
    upload = uuid4()
    store_bytes(store, b"hello", upload=upload)

    with pytest.raises(BytesMissing), store.hold(upload, 5, confirm=agree):
        pass


def test_when_confirm_refuses_the_bytes_stay_as_they_are(store: BlobStore) -> None:
    upload = uuid4()
    with store.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"hello"])

    with pytest.raises(Stale), store.hold(upload, 0, confirm=refuse):
        pass

    assert arrived(store, upload, 5) == b"hello"


def test_when_confirm_refuses_the_writer_that_holds_the_upload_goes_on(store: BlobStore) -> None:
    upload = uuid4()
    with store.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"hello "])
        with pytest.raises(Stale), store.hold(upload, 0, confirm=refuse):
            pass
        writer.write([b"world"])
        key = writer.finish()

    assert stored(store, key) == b"hello world"


def test_a_writer_that_was_replaced_can_do_nothing(store: BlobStore) -> None:
    upload = uuid4()
    with store.hold(upload, 0, confirm=agree) as older:
        older.write([b"old"])
        with store.hold(upload, 0, confirm=agree) as newer:
            newer.write([b"new"])
            with pytest.raises(WriterReplaced):
                older.write([b"old"])
            with pytest.raises(WriterReplaced), older.undisturbed():
                pass
            with pytest.raises(WriterReplaced):
                older.finish()
            newer.write([b"er"])
            key = newer.finish()

    assert stored(store, key) == b"newer"


def test_a_writer_replaced_between_two_pieces_spoils_nothing(store: BlobStore) -> None:
    upload = uuid4()
    newer = store.hold(upload, 0, confirm=agree)

    def pieces() -> Iterator[bytes]:
        yield b"old old old"
        newer.__enter__().write([b"new"])
        yield b"old"

    with store.hold(upload, 0, confirm=agree) as older, pytest.raises(WriterReplaced):
        older.write(pieces())
    newer.__exit__(None, None, None)

    assert arrived(store, upload, 3) == b"new"


def test_an_older_writer_that_leaves_with_an_error_cuts_nothing(store: BlobStore) -> None:
    upload = uuid4()

    def pieces() -> Iterator[bytes]:
        with store.hold(upload, 0, confirm=agree) as newer:
            newer.write([b"newer bytes"])
        raise ConnectionResetError
        yield b""

    with (
        store.hold(upload, 0, confirm=agree) as older,
        pytest.raises((ConnectionResetError, WriterReplaced)),
    ):
        older.write(pieces())

    assert arrived(store, upload, 11) == b"newer bytes"


def test_a_write_that_fails_half_way_is_cut_off_again(store: BlobStore) -> None:
    def broken() -> Iterator[bytes]:
        yield b"more"
        raise ConnectionResetError

    with store.hold(uuid4(), 0, confirm=agree) as writer:
        writer.write([b"hello"])
        with pytest.raises(ConnectionResetError):
            writer.write(broken())
        writer.write([b"!"])
        key = writer.finish()

    assert stored(store, key) == b"hello!"


def test_a_key_is_never_used_twice(store: BlobStore) -> None:
    upload = uuid4()

    keys = {store_bytes(store, b"same", upload=upload) for _ in range(5)}

    assert len(keys) == 5
    assert {stored(store, key) for key in keys} == {b"same"}


def test_a_key_names_nothing_that_a_client_chose(store: BlobStore) -> None:
    key = store_bytes(store, b"../../etc/passwd")

    assert len(key) <= 100
    assert ".." not in key.split("/")


def test_a_discarded_upload_is_forgotten(store: BlobStore) -> None:
    upload = uuid4()
    with store.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"hello"])

    store.discard(upload)
    store.discard(upload)

    with pytest.raises(BytesMissing), store.hold(upload, 5, confirm=agree):
        pass


def test_the_writer_of_a_discarded_upload_is_told(store: BlobStore) -> None:
    upload = uuid4()
    with store.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"hello"])
        store.discard(upload)
        with pytest.raises(WriterReplaced):
            writer.write([b" world"])
        with pytest.raises(WriterReplaced):
            writer.finish()


def test_an_upload_that_is_discarded_leaves_finished_bytes_alone(store: BlobStore) -> None:
    upload = uuid4()
    key = store_bytes(store, b"hello", upload=upload)

    store.discard(upload)

    assert stored(store, key) == b"hello"


CONTENT = bytes(range(256)) * 5000  # longer than one piece
RANGES = [
    (0, 0),
    (0, 1),
    (0, len(CONTENT)),
    (5, 10),
    (PIECE_BYTES - 1, 2),
    (PIECE_BYTES, 1),
    (len(CONTENT) - 1, 1),
    (len(CONTENT), 0),
    (len(CONTENT) - 3, 10),
    (len(CONTENT) + 5, 10),
]


@pytest.mark.parametrize(("start", "length"), RANGES)
def test_any_stretch_of_what_is_stored_can_be_read(
    store: BlobStore, start: int, length: int
) -> None:
    key = store_bytes(store, CONTENT)

    assert b"".join(store.read(key, start, length)) == CONTENT[start : start + length]


def test_bytes_come_in_pieces_of_bounded_size(store: BlobStore) -> None:
    key = store_bytes(store, b"x" * (3 * PIECE_BYTES + 1))

    assert [len(piece) for piece in store.read(key, 0, 3 * PIECE_BYTES + 1)] == [
        PIECE_BYTES,
        PIECE_BYTES,
        PIECE_BYTES,
        1,
    ]


def test_bytes_that_are_gone_are_missed_at_the_call(store: BlobStore) -> None:
    key = store_bytes(store, b"hello")
    store.delete(key)

    assert store.size(key) is None
    with pytest.raises(BytesMissing):
        store.read(key, 0, 5)


def test_a_reader_goes_on_while_the_key_is_deleted(store: BlobStore) -> None:
    key = store_bytes(store, b"x" * (2 * PIECE_BYTES))
    reader = store.read(key, 0, 2 * PIECE_BYTES)
    next(reader)

    store.delete(key)

    assert len(b"".join(reader)) == PIECE_BYTES


def test_to_delete_twice_is_no_error(store: BlobStore) -> None:
    key = store_bytes(store, b"hello")

    store.delete(key)
    store.delete(key)

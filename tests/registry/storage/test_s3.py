"""What only a store in S3 can do wrong: parts, tails, failures, and what is left in the bucket."""

from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest

from registry.storage.base import PIECE_BYTES, BytesMissing, StorageUnavailable, WriterReplaced
from registry.storage.models import S3Multipart, S3Upload
from registry.storage.s3 import S3Store
from registry.storage.s3_bucket import Bucket, Connection, connect
from registry.storage.s3_writer import S3Writer
from registry.storage.select import part_bytes
from tests.registry.storage.conftest import SMALLEST_PART_BYTES as PART
from tests.registry.storage.conftest import SOME_BYTES
from tests.s3_server import SECRET_KEY, S3Server, running_s3_server

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def agree() -> None:
    """A ``confirm`` that finds the offset still right."""


def some(start: int, end: int) -> bytes:
    """Bytes ``[start, end)`` of a content in which no two parts are alike."""
    return SOME_BYTES[start:end]


def append(store: S3Store, upload: UUID, start: int, end: int) -> None:
    with store.hold(upload, start, confirm=agree) as writer:
        writer.write(in_pieces(some(start, end)))
        with writer.undisturbed():
            pass


def in_pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]


def finish(store: S3Store, upload: UUID, offset: int) -> str:
    with store.hold(upload, offset, confirm=agree) as writer:
        return writer.finish()


def content_of(store: S3Store, key: str) -> bytes:
    return b"".join(store.read(key, 0, store.size(key) or 0))


def objects(store: S3Store) -> set[str]:
    return {entry.key for page in store.bucket.objects("blobs") for entry in page}


def multiparts(store: S3Store) -> set[str]:
    return {entry.key for page in store.bucket.multiparts("blobs") for entry in page}


def dies(store: S3Store, upload: UUID, offset: int, end: int) -> None:
    """Write as a process does that is killed before it could leave anything in order."""
    store.hold(upload, offset, confirm=agree).__enter__().write(in_pieces(some(offset, end)))


@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 3])
def test_a_blob_of_any_number_of_parts_is_one_object_and_nothing_else(
    s3_store: S3Store, size: int
) -> None:
    with s3_store.hold(uuid4(), 0, confirm=agree) as writer:
        writer.write(in_pieces(some(0, size)))
        key = writer.finish()

    assert content_of(s3_store, key) == some(0, size)
    assert objects(s3_store) == {key}
    assert multiparts(s3_store) == set()


@pytest.mark.parametrize("middle", [3, PART - 1, PART, PART + 1])
def test_an_upload_in_two_requests_leaves_nothing_but_the_blob(
    s3_store: S3Store, middle: int
) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, middle)
    append(s3_store, upload, middle, middle + PART)

    key = finish(s3_store, upload, middle + PART)

    assert content_of(s3_store, key) == some(0, middle + PART)
    assert objects(s3_store) == {key}
    assert multiparts(s3_store) == set()


def test_a_short_blob_that_was_appended_is_not_copied_when_it_is_finished(
    s3_store: S3Store,
) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, 100)
    (tail,) = objects(s3_store)

    assert finish(s3_store, upload, 100) == tail


@pytest.mark.parametrize("middle", [0, 3, PART, PART + 3])
def test_what_a_killed_process_wrote_does_not_count(s3_store: S3Store, middle: int) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, middle)
    dies(s3_store, upload, middle, middle + 2 * PART + 5)

    append(s3_store, upload, middle, middle + PART)
    key = finish(s3_store, upload, middle + PART)

    assert content_of(s3_store, key) == some(0, middle + PART)


def test_a_move_that_did_not_happen_can_be_repeated_from_where_it_began(s3_store: S3Store) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, 7)

    def fail_to_move() -> None:
        with s3_store.hold(upload, 7, confirm=agree) as writer:
            writer.write([some(7, PART + 10)])
            with writer.undisturbed():
                raise KeyError

    with pytest.raises(KeyError):
        fail_to_move()

    append(s3_store, upload, 7, PART + 20)

    key = finish(s3_store, upload, PART + 20)
    assert content_of(s3_store, key) == some(0, PART + 20)


def test_bytes_that_were_left_in_order_and_never_acknowledged_are_cut_off(
    s3_store: S3Store,
) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, 7)
    with s3_store.hold(upload, 7, confirm=agree) as writer:
        writer.write([bytes(PART + 10)])

    append(s3_store, upload, 7, PART + 20)

    key = finish(s3_store, upload, PART + 20)
    assert content_of(s3_store, key) == some(0, PART + 20)
    assert objects(s3_store) == {key}


def test_a_writer_that_is_replaced_before_it_moves_leaves_nothing(s3_store: S3Store) -> None:
    upload = uuid4()
    with s3_store.hold(upload, 0, confirm=agree) as older:
        older.write([b"old"])
        with s3_store.hold(upload, 0, confirm=agree):
            pass
        with pytest.raises(WriterReplaced), older.undisturbed():
            pass

    assert objects(s3_store) == set()


def test_a_broken_write_over_the_end_of_a_part_is_cut_off_again(s3_store: S3Store) -> None:
    def broken() -> Iterator[bytes]:
        yield some(7, 2 * PART)
        raise ConnectionResetError

    upload = uuid4()
    append(s3_store, upload, 0, 7)
    with s3_store.hold(upload, 7, confirm=agree) as writer:
        with pytest.raises(ConnectionResetError):
            writer.write(broken())
        writer.write([some(7, 20)])
        key = writer.finish()

    assert content_of(s3_store, key) == some(0, 20)
    assert multiparts(s3_store) == set()


def test_parts_can_be_read_again_by_another_process_as_often_as_needed(s3_store: S3Store) -> None:
    upload, offset = uuid4(), 0
    for end in (PART + 5, 2 * PART, 3 * PART + 1):
        with s3_store.hold(upload, offset, confirm=agree) as writer:
            assert b"".join(writer.read(offset)) == some(0, offset)
            writer.write([some(offset, end)])
            with writer.undisturbed():
                pass
        offset = end
    with s3_store.hold(upload, offset, confirm=agree) as writer:
        assert b"".join(writer.read(offset)) == some(0, offset)
        assert b"".join(writer.read(PART + 1)) == some(0, PART + 1)

    key = finish(s3_store, upload, offset)

    assert content_of(s3_store, key) == some(0, offset)
    assert objects(s3_store) == {key}
    assert multiparts(s3_store) == set()


def test_an_upload_that_was_read_and_is_whole_is_not_copied(s3_store: S3Store) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, 2 * PART)
    with s3_store.hold(upload, 2 * PART, confirm=agree) as writer:
        assert b"".join(writer.read(2 * PART)) == some(0, 2 * PART)
        (read,) = objects(s3_store)
        assert writer.finish() == read

    assert content_of(s3_store, read) == some(0, 2 * PART)
    assert multiparts(s3_store) == set()


def test_parts_that_an_older_writer_still_sends_spoil_nothing(s3_store: S3Store) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, 3)
    older = s3_store.hold(upload, 3, confirm=agree)
    slow = older.__enter__()
    slow.write([bytes(2 * PART)])
    number = slow.fence.next_part()

    append(s3_store, upload, 3, 2 * PART)
    s3_store.bucket.add(slow.key, slow.multipart_id, number, bytes(PART))  # it was on its way
    with pytest.raises(WriterReplaced):
        slow.write([bytes(2 * PART)])
    with pytest.raises(WriterReplaced):
        slow.finish()
    older.__exit__(None, None, None)

    key = finish(s3_store, upload, 2 * PART)
    assert content_of(s3_store, key) == some(0, 2 * PART)


def test_a_writer_whose_tail_a_later_one_took_away_is_told_so(s3_store: S3Store) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, 3)

    def come_too_late() -> None:
        with s3_store.hold(upload, 3, confirm=agree) as older:
            append(s3_store, upload, 3, 6)
            append(s3_store, upload, 6, 9)
            older.write([b"late"])

    with pytest.raises(WriterReplaced):
        come_too_late()


def test_a_discarded_upload_leaves_nothing_in_the_bucket(s3_store: S3Store) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, PART + 5)
    with s3_store.hold(upload, PART + 5, confirm=agree) as writer:
        list(writer.read(PART))
        writer.write([some(PART + 5, 2 * PART + 7)])

    s3_store.discard(upload)

    assert objects(s3_store) == set()
    assert multiparts(s3_store) == set()
    assert not S3Upload.objects.exists()


def test_an_upload_whose_parts_somebody_aborted_is_missing_bytes(s3_store: S3Store) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, PART)
    row = S3Upload.objects.get(pk=upload)
    s3_store.bucket.abort(row.key, row.multipart_id)

    with pytest.raises(BytesMissing):
        finish(s3_store, upload, PART)


def test_only_finished_bytes_are_listed_in_order_and_from_any_key_on(s3_store: S3Store) -> None:
    keys = []
    for _ in range(5):
        with s3_store.hold(uuid4(), 0, confirm=agree) as writer:
            writer.write([b"hello"])
            keys.append(writer.finish())
    append(s3_store, uuid4(), 0, 5)
    append(s3_store, uuid4(), 0, PART + 5)
    keys.sort()

    assert [found.key for found in s3_store.stored()] == keys
    assert {found.size for found in s3_store.stored()} == {5}
    assert [found.key for found in s3_store.stored(after=keys[2])] == keys[3:]


def test_bytes_count_as_stored_when_they_are_finished_not_when_they_came(
    s3_store: S3Store,
) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, 5)
    later = datetime.now(UTC) + DAY
    finish(s3_store, upload, 5)
    S3Upload.objects.filter(pk=upload).update(finished_at=later)

    assert [found.stored_at for found in s3_store.stored()] == [later]


def test_uploads_under_way_are_named_until_they_end(s3_store: S3Store) -> None:
    uploads = [uuid4() for _ in range(3)]
    for upload in uploads:
        append(s3_store, upload, 0, 5)
    finish(s3_store, uploads[0], 5)
    s3_store.discard(uploads[1])

    assert [found.upload for found in s3_store.unfinished()] == uploads[2:]


def test_multipart_uploads_that_nobody_goes_on_with_are_aborted_when_they_are_old(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, given_up = uuid4(), uuid4()
    append(s3_store, known, 0, PART)
    with monkeypatch.context() as dying:
        dying.setattr(S3Writer, "_copied_base", Mock(side_effect=SystemExit))
        dying.setattr(Bucket, "abort", Mock())
        with pytest.raises(SystemExit):
            append(s3_store, given_up, 0, PART)
    s3_store.discard(given_up)
    # As MinIO does, which lists a multipart upload only to who names its key.
    monkeypatch.setattr(Bucket, "_pages", Mock(return_value=iter(())))
    now = datetime.now(UTC)

    assert s3_store.clean(now=now, older_than=DAY) == 0
    assert s3_store.clean(now=now + 2 * DAY, older_than=DAY) == 1

    monkeypatch.undo()
    assert multiparts(s3_store) == {S3Upload.objects.get(pk=known).key}


def test_a_multipart_upload_that_could_not_be_aborted_is_aborted_later(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, PART)
    with monkeypatch.context() as away:
        away.setattr(Bucket, "abort", Mock(side_effect=StorageUnavailable))
        s3_store.discard(upload)
    assert len(multiparts(s3_store)) == 1

    s3_store.clean(now=datetime.now(UTC) + 2 * DAY, older_than=DAY)

    assert multiparts(s3_store) == set()


def test_of_a_multipart_upload_that_became_an_object_nothing_is_remembered(
    s3_store: S3Store,
) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, PART + 7)

    finish(s3_store, upload, PART + 7)

    assert not S3Multipart.objects.exists()


def test_what_ended_long_ago_is_forgotten_and_its_bytes_stay(s3_store: S3Store) -> None:
    upload = uuid4()
    append(s3_store, upload, 0, 5)
    key = finish(s3_store, upload, 5)

    s3_store.clean(now=datetime.now(UTC) + 2 * DAY, older_than=DAY)

    assert not S3Upload.objects.exists()
    assert [found.key for found in s3_store.stored()] == [key]


def test_parts_are_long_enough_for_the_largest_blob() -> None:
    assert part_bytes(20 * 1024**3) == 8 * 1024**2
    for largest in (1, 80 * 1024**3, 5 * 1024**4):
        assert part_bytes(largest) * 8000 >= largest
        assert part_bytes(largest) % 1024**2 == 0


def test_a_server_that_does_not_answer_is_told_and_the_upload_goes_on_later(
    tmp_path: Path,
) -> None:
    upload = uuid4()
    with running_s3_server(tmp_path / "s3") as server:
        store = S3Store(Bucket(connect(**server.parameters())), PART)
        append(store, upload, 0, PART + 5)
        server.stop()
        with pytest.raises(StorageUnavailable, match="try again"):
            finish(store, upload, PART + 5)
        server.start()

        key = finish(store, upload, PART + 5)

        assert content_of(store, key) == some(0, PART + 5)


def test_a_reader_goes_on_when_the_server_dropped_the_connection(
    tmp_path: Path, s3_server: S3Server
) -> None:
    with running_s3_server(tmp_path / "s3") as server:
        store = S3Store(Bucket(connect(**server.parameters())), PART)
        with store.hold(uuid4(), 0, confirm=agree) as writer:
            writer.write([SOME_BYTES])
            key = writer.finish()
        reader = store.read(key, 5, len(SOME_BYTES) - 5)
        begun = next(reader)
        server.stop()
        server.start()

        assert begun + b"".join(reader) == SOME_BYTES[5:]


def test_a_refusal_names_what_was_refused_and_no_secret(
    s3_server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {**s3_server.parameters(), "s3_secret_key": f"{SECRET_KEY}-and-wrong"}
    store = S3Store(Bucket(connect(**wrong)), PART)

    with pytest.raises(StorageUnavailable) as caught:
        finish(store, uuid4(), 0)

    assert "SignatureDoesNotMatch" in caught.value.why
    assert "put_object" in caplog.text
    assert SECRET_KEY not in caplog.text + caught.value.why + caught.value.reason
    assert caught.value.headers()["Retry-After"]


def test_a_bucket_that_is_not_there_is_named(connection: Connection) -> None:
    absent = copy(connection)
    absent.bucket_name = "absent-bucket"

    with pytest.raises(StorageUnavailable) as caught:
        Bucket(absent).require()

    assert caught.value.why == "there is no bucket absent-bucket"

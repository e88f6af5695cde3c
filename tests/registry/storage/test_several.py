"""Two stores as one, for processes that do not agree which of them is the first."""

from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from registry.storage.base import BytesMissing, WriterReplaced
from registry.storage.filesystem import FilesystemStore
from registry.storage.s3 import S3Store
from registry.storage.select import SeveralStores
from tests.registry.storage.test_contract import Stale, agree, store_bytes, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> FilesystemStore:
    return FilesystemStore(root=tmp_path / "store")


@pytest.fixture(params=["to a bucket", "to a folder"])
def sides(
    request: pytest.FixtureRequest, folder: FilesystemStore, s3_store: S3Store
) -> tuple[SeveralStores, SeveralStores]:
    """As a process sees it that was told already, and as one that was not."""
    new, old = (s3_store, folder) if request.param == "to a bucket" else (folder, s3_store)
    return SeveralStores((new, old)), SeveralStores((old, new))


Sides = tuple[SeveralStores, SeveralStores]


def test_either_reads_what_the_other_stored(sides: Sides) -> None:
    new, old = sides
    keys = store_bytes(new, b"new"), old.keep(uuid4(), b"old")

    for side in sides:
        assert [stored(side, key) for key in keys] == [b"new", b"old"]
        assert [entry.key for entry in side.stored()] == sorted(keys)


def test_what_both_have_is_listed_once_and_deleted_from_both(sides: Sides) -> None:
    new, _ = sides
    key = new.keep(uuid4(), b"hello")
    first, second = new.stores
    other = store_bytes(second, b"another")
    assert [entry.key for entry in new.stored()] == sorted([key, other])

    for wanted in (key, other):
        new.delete(wanted)
        assert (first.size(wanted), second.size(wanted)) == (None, None)
        with pytest.raises(BytesMissing):
            new.read(wanted, 0, 1)


def test_an_upload_goes_on_where_it_was_begun(sides: Sides) -> None:
    new, old = sides
    upload = uuid4()
    with old.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"hello, "])

    with new.hold(upload, 7, confirm=agree) as writer:
        writer.write([b"world"])
        key = writer.finish()
    new.settle([key])

    assert [stored(side, key) for side in sides] == [b"hello, world"] * 2
    assert list(new.unfinished_elsewhere()) == []


def test_who_begins_anew_takes_the_upload_away_from_the_other_store(sides: Sides) -> None:
    new, old = sides
    upload = uuid4()
    with old.hold(upload, 0, confirm=agree) as theirs:
        theirs.write([b"theirs"])
        with new.hold(upload, 0, confirm=agree) as ours:
            ours.write([b"ours"])

            with pytest.raises(WriterReplaced), theirs.undisturbed():
                pytest.fail("the row would move to bytes that nobody reads")

    with old.hold(upload, 4, confirm=agree) as writer:
        assert b"".join(writer.read(4)) == b"ours"


def test_bytes_that_are_gone_are_not_taken_for_those_of_another_store(sides: Sides) -> None:
    """The other writer moves its row while its bytes are taken away: the upload begins again."""
    new, old = sides
    upload, asked = uuid4(), count()

    def moves_meanwhile() -> None:
        if next(asked):
            raise Stale

    with old.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"theirs"])

    with pytest.raises(Stale), new.hold(upload, 0, confirm=moves_meanwhile):
        pytest.fail("its row stands elsewhere")

    for side in sides:
        with pytest.raises(BytesMissing), side.hold(upload, 6, confirm=agree):
            pytest.fail("these bytes are nowhere")


def test_what_is_under_way_elsewhere_is_told(sides: Sides) -> None:
    new, old = sides
    upload = uuid4()
    with old.hold(upload, 0, confirm=agree) as writer:
        writer.write([b"hello"])

    assert [found.upload for found in new.unfinished_elsewhere()] == [upload]
    assert list(old.unfinished_elsewhere()) == []


def test_bytes_that_no_folder_has_cannot_be_made_durable(
    folder: FilesystemStore, tmp_path: Path
) -> None:
    both = SeveralStores((folder, FilesystemStore(root=tmp_path / "other")))
    key = both.keep(uuid4(), b"hello")
    folder.delete(key)

    with pytest.raises(FileNotFoundError):
        both.settle([key])

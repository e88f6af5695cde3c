"""What a store lists: everything it keeps, and every upload it has bytes of."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from registry.storage.base import BlobStore

MINUTES = timedelta(minutes=5)  # the clocks of a store and of this machine may differ


def finish(store: BlobStore, content: bytes, upload: UUID | None = None) -> str:
    with store.hold(upload or uuid4(), 0, confirm=lambda: None) as writer:
        writer.write([content])
        return writer.finish()


def begin(store: BlobStore, content: bytes) -> UUID:
    upload = uuid4()
    with store.hold(upload, 0, confirm=lambda: None) as writer:
        writer.write([content])
    return upload


def test_an_empty_store_lists_nothing(store: BlobStore) -> None:
    assert list(store.stored()) == []
    assert list(store.unfinished()) == []


def test_what_is_stored_is_listed_in_the_order_of_its_keys_with_size_and_date(
    store: BlobStore,
) -> None:
    keys = {finish(store, b"x" * n): n for n in range(20)}
    now = datetime.now(UTC)

    listed = list(store.stored())

    assert [(entry.key, entry.size) for entry in listed] == sorted(keys.items())
    assert all(now - MINUTES < entry.stored_at < now + MINUTES for entry in listed)


def test_a_listing_goes_on_behind_a_key(store: BlobStore) -> None:
    keys = sorted(finish(store, b"x") for _ in range(20))

    for number, key in enumerate(keys):
        assert [entry.key for entry in store.stored(after=key)] == keys[number + 1 :]


def test_what_was_deleted_is_not_listed(store: BlobStore) -> None:
    kept, deleted = finish(store, b"kept"), finish(store, b"deleted")
    store.delete(deleted)

    assert [entry.key for entry in store.stored()] == [kept]


def test_uploads_are_listed_until_they_are_finished_or_discarded(store: BlobStore) -> None:
    waiting, discarded, finished = begin(store, b"a"), begin(store, b"b"), begin(store, b"c")
    now = datetime.now(UTC)
    store.discard(discarded)
    with store.hold(finished, 1, confirm=lambda: None) as writer:
        key = writer.finish()

    (listed,) = store.unfinished()

    assert listed.upload == waiting
    assert now - MINUTES < listed.active_at < now + MINUTES
    assert [entry.key for entry in store.stored()] == [key]

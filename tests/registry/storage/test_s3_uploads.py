"""Uploads into S3 against a model that is nothing but a byte string."""

from collections.abc import Iterator
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pytest_django import Settings

from registry.blobs.models import Blob, UploadSession
from registry.repositories.models import Repository
from registry.storage.base import PIECE_BYTES, WriterReplaced
from registry.storage.models import S3Upload
from registry.storage.s3 import S3Store
from registry.storage.select import blob_store
from tests.registry.blobs.test_uploads_property import Uploads
from tests.registry.storage.conftest import SMALLEST_PART_BYTES as PART
from tests.registry.storage.conftest import SOME_BYTES
from tests.s3_server import S3Server
from tests.soak import rounds

pytestmark = pytest.mark.django_db(transaction=True)

# How far from the end of a part a chunk may end, which is where mistakes are made.
lengths = st.builds(
    lambda parts, difference: max(parts * PART + difference, 0),
    st.sampled_from([0, 0, 1, 1, 2]),
    st.sampled_from([-1, 0, 1, 1000]),
)


class ConnectionBroke(Exception):
    """What the server's stream raises when a client goes away."""


class Parts(RuleBasedStateMachine):
    """One upload after the other; ``length`` bytes of SOME_BYTES were acknowledged."""

    store: ClassVar[S3Store]
    keys: ClassVar[dict[str, int]]

    def __init__(self) -> None:
        super().__init__()
        self.upload: UUID = uuid4()
        self.length = 0

    @initialize()
    def begin(self) -> None:
        self.upload, self.length = uuid4(), 0

    @rule(length=lengths, reads=st.booleans())
    def append(self, length: int, reads: bool) -> None:
        end = min(self.length + length, len(SOME_BYTES))
        with self.store.hold(self.upload, self.length, confirm=_agree) as writer:
            if reads:
                assert b"".join(writer.read(self.length)) == SOME_BYTES[: self.length]
            writer.write(_pieces(self.length, end))
            with writer.undisturbed():
                self.length = end

    @rule(length=lengths)
    def break_the_connection(self, length: int) -> None:
        with (
            pytest.raises(ConnectionBroke),
            self.store.hold(self.upload, self.length, confirm=_agree) as writer,
        ):
            writer.write(_broken(self.length, self.length + length))

    @rule(length=lengths)
    def kill_the_server(self, length: int) -> None:
        writer = self.store.hold(self.upload, self.length, confirm=_agree).__enter__()
        writer.write([bytes(length)])

    @rule(length=lengths, mine=lengths)
    def lose_the_upload_to_another_request(self, length: int, mine: int) -> None:
        with self.store.hold(self.upload, self.length, confirm=_agree) as older:
            older.write([bytes(mine)])
            self.append(length, reads=False)
            with pytest.raises(WriterReplaced):
                older.write([bytes(PART)])

    @rule(length=lengths)
    def close(self, length: int) -> None:
        end = min(self.length + length, len(SOME_BYTES))
        with self.store.hold(self.upload, self.length, confirm=_agree) as writer:
            writer.write(_pieces(self.length, end))
            key = writer.finish()
        assert b"".join(self.store.read(key, 0, end + 1)) == SOME_BYTES[:end]
        self.keys[key] = end
        self.begin()


def test_an_upload_is_a_byte_string_wherever_its_parts_end(s3_store: S3Store) -> None:
    Parts.store, Parts.keys = s3_store, {}

    run_state_machine_as_test(Parts, settings=_limited(examples=10, steps=8))

    assert {found.key: found.size for found in s3_store.stored()} == Parts.keys


@pytest.mark.randomized
def test_a_session_is_a_byte_string_whatever_happens_to_it(
    repository: Repository, s3_server: S3Server, settings: Settings
) -> None:
    settings.DISTRIBUTED_STORAGE_CONFIG = {"default": ["S3Storage", s3_server.parameters()]}
    Uploads.repository = repository

    run_state_machine_as_test(Uploads, settings=_limited(examples=8, steps=20))

    stored = {found.key for found in blob_store().stored()}
    assert stored == set(Blob.objects.values_list("storage_key", flat=True))
    under_way = S3Upload.objects.filter(finished_at=None).values_list("pk", flat=True)
    assert set(under_way) <= set(UploadSession.objects.values_list("pk", flat=True))


def _limited(*, examples: int, steps: int) -> hypothesis_settings:
    return hypothesis_settings(max_examples=rounds(examples), stateful_step_count=steps)


def _agree() -> None:
    """A ``confirm`` that finds the offset still right."""


def _pieces(start: int, end: int) -> Iterator[bytes]:
    for first in range(start, end, PIECE_BYTES):
        yield SOME_BYTES[first : min(first + PIECE_BYTES, end)]


def _broken(start: int, end: int) -> Iterator[bytes]:
    yield bytes(end - start)
    raise ConnectionBroke

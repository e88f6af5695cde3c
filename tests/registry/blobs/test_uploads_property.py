"""Uploads against a model that is nothing but a byte string.

Whatever order of chunks, repeats, broken connections, restarts and rivals a client
goes through: the session holds exactly the bytes that were acknowledged, and
a blob has exactly the bytes of its digest.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUploadUnknown, ChunkOutOfOrder, DigestInvalid, SizeInvalid
from registry.blobs import hashing
from registry.blobs.models import Blob, UploadSession
from registry.blobs.services import find_blob, read_blob
from registry.blobs.sessions import get_upload, open_upload
from registry.blobs.uploads import EMPTY, Chunk, append_chunk, cancel_upload, commit_upload
from registry.repositories.models import Repository
from tests.registry.builders import NOW
from tests.soak import rounds

OWNER = "user:1"

contents = st.binary(max_size=40)
some_bytes = st.binary(min_size=1, max_size=40)
algorithms = st.sampled_from(["sha256", "sha512"])
cuts = st.lists(st.integers(0, 40), max_size=4)
told = st.sampled_from(["nothing", "length", "range"])


class ConnectionBroke(Exception):
    """What the server's stream raises when a client goes away."""


class Uploads(RuleBasedStateMachine):
    """One client after the other pushes to one repository."""

    repository: ClassVar[Repository]

    def __init__(self) -> None:
        super().__init__()
        self.model = b""

    @initialize(algorithm=algorithms)
    def open(self, algorithm: str) -> None:
        session = open_upload(repository=self.repository, owner=OWNER, algorithm=algorithm, now=NOW)
        self.session_id = str(session.pk)
        self.model = b""

    @rule(content=contents, cuts=cuts, told=told)
    def append(self, content: bytes, cuts: list[int], told: str) -> None:
        session = append_chunk(session=self.read(), chunk=self.chunk(content, cuts, told), now=NOW)
        self.model += content
        assert session.offset == len(self.model)

    @rule(content=contents, distance=st.integers(-50, 50).filter(bool))
    def append_in_the_wrong_place(self, content: bytes, distance: int) -> None:
        start = max(len(self.model) + distance, 0)
        if start == len(self.model):
            return
        with pytest.raises(ChunkOutOfOrder) as caught:
            append_chunk(session=self.read(), chunk=Chunk([content], first_byte=start), now=NOW)
        assert caught.value.offset == len(self.model)

    @rule(content=some_bytes, cuts=cuts, told=told, closing=st.booleans())
    def break_the_connection(
        self, content: bytes, cuts: list[int], told: str, closing: bool
    ) -> None:
        chunk = self.chunk(content, cuts, told, pieces_end=_break)
        with pytest.raises(ConnectionBroke):
            self.send(chunk, closing=closing)

    @rule(content=contents, missing=st.integers(1, 30), cuts=cuts, closing=st.booleans())
    def cut_the_body_short(
        self, content: bytes, missing: int, cuts: list[int], closing: bool
    ) -> None:
        chunk = Chunk(_pieces(content, cuts), length=len(content) + missing)
        with pytest.raises(SizeInvalid, match=f"{len(content)} arrived"):
            self.send(chunk, closing=closing)
        self.model += content

    @rule(content=some_bytes, closing=st.booleans())
    def send_more_than_announced(self, content: bytes, closing: bool) -> None:
        with pytest.raises(SizeInvalid):
            self.send(Chunk([content], length=len(content) - 1), closing=closing)

    @rule(first=some_bytes, second=contents, closing=st.booleans())
    def append_to_a_session_read_before_another_chunk_came(
        self, first: bytes, second: bytes, closing: bool
    ) -> None:
        stale = self.read()
        append_chunk(session=self.read(), chunk=Chunk([first]), now=NOW)
        self.model += first
        with pytest.raises(ChunkOutOfOrder) as caught:
            self.send(Chunk([second]), closing=closing, session=stale)
        assert caught.value.offset == len(self.model)

    @rule(mine=some_bytes, theirs=some_bytes, closing=st.booleans())
    def lose_the_session_to_another_request_half_way(
        self, mine: bytes, theirs: bytes, closing: bool
    ) -> None:
        def pieces() -> Iterator[bytes]:
            yield mine
            append_chunk(session=self.read(), chunk=Chunk([theirs]), now=NOW)
            yield mine

        with pytest.raises(ChunkOutOfOrder):
            self.send(Chunk(pieces()), closing=closing)
        self.model += theirs

    @rule()
    def restart_the_server(self) -> None:
        hashing.forget(self.read().pk)

    @rule(content=contents, cuts=cuts, told=told, algorithm=algorithms)
    def close_with_the_wrong_digest(
        self, content: bytes, cuts: list[int], told: str, algorithm: str
    ) -> None:
        wrong = Digest.of(self.model + content + b"!", algorithm)
        is_there = Blob.objects.filter(pk=str(wrong)).exists()  # since another example
        with pytest.raises(DigestInvalid, match=str(Digest.of(self.model + content, algorithm))):
            commit_upload(
                session=self.read(),
                digest=wrong,
                chunk=self.chunk(content, cuts, told),
                now=NOW,
            )
        assert Blob.objects.filter(pk=str(wrong)).exists() == is_there

    @rule(content=contents, cuts=cuts, told=told, algorithm=algorithms, next_one=algorithms)
    def close(
        self, content: bytes, cuts: list[int], told: str, algorithm: str, next_one: str
    ) -> None:
        whole = self.model + content
        digest = Digest.of(whole, algorithm)
        session = self.read()
        commit_upload(
            session=session, digest=digest, chunk=self.chunk(content, cuts, told), now=NOW
        )
        assert _content(self.repository, digest) == whole
        self.is_over(session)
        self.open(next_one)

    @rule(next_one=algorithms)
    def cancel(self, next_one: str) -> None:
        session = self.read()
        cancel_upload(session=session, now=NOW)
        self.is_over(session)
        self.open(next_one)

    @invariant()
    def the_session_holds_what_was_acknowledged(self) -> None:
        session = self.read()
        assert session.offset == len(self.model)
        if self.model:
            assert session.digest_so_far == str(Digest.of(self.model, session.algorithm))

    def read(self) -> UploadSession:
        return get_upload(
            repository=self.repository, owner=OWNER, session_id=self.session_id, now=NOW
        )

    def is_over(self, session: UploadSession) -> None:
        """What an ended session says to every later request, also to one that had read it."""
        with pytest.raises(BlobUploadUnknown):
            self.read()
        with pytest.raises((BlobUploadUnknown, ChunkOutOfOrder)):
            append_chunk(session=session, chunk=Chunk([b"late"]), now=NOW)
        with pytest.raises(BlobUploadUnknown):
            commit_upload(session=session, digest=Digest.of(self.model), chunk=EMPTY, now=NOW)

    def send(self, chunk: Chunk, *, closing: bool, session: UploadSession | None = None) -> None:
        """Send a chunk that will not be taken, as PATCH or as the closing PUT."""
        session = session or self.read()
        if closing:
            commit_upload(session=session, digest=Digest.of(b"never"), chunk=chunk, now=NOW)
        else:
            append_chunk(session=session, chunk=chunk, now=NOW)

    def chunk(
        self,
        content: bytes,
        cuts: list[int],
        told: str,
        pieces_end: Callable[[], None] = lambda: None,
    ) -> Chunk:
        """The next chunk in pieces; ``told`` is what its request says of it."""
        start = len(self.model)
        is_range = told == "range" and content
        return Chunk(
            _pieces(content, cuts, pieces_end),
            length=None if told == "nothing" else len(content),
            first_byte=start if is_range else None,
            last_byte=start + len(content) - 1 if is_range else None,
        )


def _pieces(
    content: bytes, cuts: list[int], pieces_end: Callable[[], None] = lambda: None
) -> Iterator[bytes]:
    edges = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    for start, end in pairwise(edges):
        yield content[start:end]
    pieces_end()


def _break() -> None:
    raise ConnectionBroke


def _content(repository: Repository, digest: Digest) -> bytes:
    blob = find_blob(repository=repository, digest=digest, now=NOW)
    return b"".join(read_blob(blob=blob, start=0, length=blob.size, now=NOW))


@pytest.mark.randomized
@pytest.mark.django_db(transaction=True)
def test_a_session_is_a_byte_string_whatever_happens_to_it(
    repository: Repository, store_root: Path
) -> None:
    Uploads.repository = repository

    run_state_machine_as_test(
        Uploads,
        settings=settings(max_examples=rounds(40), stateful_step_count=25),
    )

    # Each blob has one file, and nothing else is left of thousands of requests.
    stored = {path.relative_to(store_root).as_posix() for path in _files(store_root / "blobs")}
    assert stored == set(Blob.objects.values_list("storage_key", flat=True))
    closed = UploadSession.objects.filter(is_closed=True).values_list("pk", flat=True)
    assert {path.name for path in (store_root / "uploads").iterdir()}.isdisjoint(map(str, closed))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]

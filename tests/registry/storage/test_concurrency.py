"""Writers of one upload that meet: in threads, and in processes."""

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.db import connections

from registry.storage.base import BlobStore, WriterReplaced
from registry.storage.filesystem import FilesystemStore

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 8
PIECES = 20
PIECE = 4096

WRITE = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from uuid import UUID

    from registry.storage.base import WriterReplaced
    from registry.storage.filesystem import FilesystemStore

    store, upload, letter = FilesystemStore(root=Path(sys.argv[1])), UUID(sys.argv[2]), sys.argv[3]
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        with store.hold(upload, 0, confirm=lambda: None) as writer:
            writer.write(letter.encode() * 4096 for _ in range(20))
            print(writer.finish())
    except WriterReplaced:
        print("")
    """
)


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Let threads meet between any two steps, not only where one waits."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_of_threads_that_write_one_upload_each_finishes_whole_or_not_at_all(
    store: BlobStore,
) -> None:
    upload, start = uuid4(), threading.Barrier(WRITERS)

    def pieces(number: int) -> Iterator[bytes]:
        for _ in range(PIECES):
            yield bytes([number]) * PIECE

    def write(number: int) -> str | None:
        start.wait(timeout=30)
        try:
            with store.hold(upload, 0, confirm=lambda: None) as writer:
                writer.write(pieces(number))
                return writer.finish()
        except WriterReplaced:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WRITERS) as pool:
        keys = list(pool.map(write, range(WRITERS)))

    assert any(keys)
    for number, key in enumerate(keys):
        if key:
            assert _stored(store, key) == bytes([number]) * PIECE * PIECES


@pytest.mark.usefixtures("restless_threads")
def test_a_writer_that_comes_while_another_finishes_is_told_that_it_was_replaced(
    store: BlobStore,
) -> None:
    rounds = 200 if isinstance(store, FilesystemStore) else 10  # S3 takes longer
    uploads, start = [uuid4() for _ in range(rounds)], threading.Barrier(WRITERS)

    def write() -> int:
        finished = 0
        for upload in uploads:
            start.wait(timeout=30)
            with suppress(WriterReplaced), store.hold(upload, 0, confirm=lambda: None) as writer:
                writer.write([b"content"])
                writer.finish()
                finished += 1
        connections.close_all()
        return finished

    with ThreadPoolExecutor(WRITERS) as pool:
        finished = list(pool.map(lambda _: write(), range(WRITERS)))

    assert sum(finished) >= len(uploads)


def test_of_processes_that_write_one_upload_each_finishes_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    store, upload = FilesystemStore(root=tmp_path), uuid4()
    writers = [_writer(tmp_path, upload, letter) for letter in "abcd"]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"

    answers = [writer.communicate("go\n", timeout=30)[0].strip() for writer in _woken(writers)]

    assert any(answers)
    for letter, key in zip("abcd", answers, strict=True):
        if key:
            assert _stored(store, key) == letter.encode() * PIECE * PIECES


def test_nobody_takes_an_upload_over_while_its_writer_is_undisturbed(store: BlobStore) -> None:
    upload, order = uuid4(), []

    def take_over() -> None:
        with store.hold(upload, 0, confirm=lambda: order.append("taken over")):
            pass
        connections.close_all()

    with store.hold(upload, 0, confirm=lambda: None) as writer:
        with writer.undisturbed():
            other = threading.Thread(target=take_over)
            other.start()
            other.join(timeout=0.3)
            assert other.is_alive()
            order.append("done")
        other.join(timeout=30)

    assert list(dict.fromkeys(order)) == ["done", "taken over"]  # asked once or twice


def _stored(store: BlobStore, key: str) -> bytes:
    return b"".join(store.read(key, 0, store.size(key) or 0))


def _writer(root: Path, upload: UUID, letter: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITE, str(root), str(upload), letter],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _woken(writers: "list[subprocess.Popen[str]]") -> "list[subprocess.Popen[str]]":
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    return writers

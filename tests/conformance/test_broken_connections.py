"""Connections that break while a body is on its way, at many byte positions, and what is left."""

import time

import pytest

from tests.conformance.client import Headers
from tests.conformance.content import OCI_MANIFEST, digest_of, encode, unique
from tests.conformance.repository import Repository, closing
from tests.conformance.wire import Wire

SIZE = 300_000
TRIES = 50
CUTS = [0, 1, 2, 100, 4095, 4096, 16_383, 65_535, 65_536, 65_537, 131_072, 262_145, SIZE - 1]


def authorized(repository: Repository) -> Headers:
    return repository.client.bearer(f"repository:{repository.name}:pull,push")


def send_and_break(
    repository: Repository, request: tuple[str, str], headers: Headers, body: bytes, *, reset: bool
) -> None:
    """Send a request's head and the beginning of its body, then vanish."""
    with Wire(repository.client.host) as wire:
        wire.begin(*request, [*authorized(repository), *headers])
        wire.send(body)
        if reset:
            wire.reset()


def chunks(content: bytes, size: int = 8000) -> bytes:
    """Content in chunked transfer encoding, without the chunk that ends it."""
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def finish(repository: Repository, location: str, content: bytes, offset: int) -> None:
    """Go on from an offset, as clients do after a 416, and check the blob that results."""
    for _ in range(TRIES):
        headers = [("Content-Range", f"{offset}-{len(content) - 1}")]
        answer = repository.client.patch(location, body=content[offset:], headers=headers)
        if answer.status == 202:
            break
        assert answer.status == 416, answer
        last = int(answer.header("Range").removeprefix("0-"))
        # ``0-0`` means nothing or one byte: try the one that was not tried.
        offset = last + 1 if last else 1 - min(offset, 1)
        time.sleep(0.02)
    closed = repository.commit(answer.header("Location"), digest_of(content))
    assert closed.status == 201, closed
    assert repository.client.get(repository.blob(digest_of(content))).body == content


@pytest.mark.parametrize("cut", CUTS)
def test_what_arrived_of_a_cut_patch_is_kept_and_resumed(cut: int, repository: Repository) -> None:
    content, location = unique(SIZE), repository.open_upload()
    headers = [("Content-Length", str(SIZE)), ("Content-Range", f"0-{SIZE - 1}")]

    send_and_break(repository, ("PATCH", location), headers, content[:cut], reset=False)

    offset = repository.settled_offset(location, at_least=cut if cut > 1 else 0)
    assert offset == (cut if cut > 1 else 0)
    finish(repository, location, content, cut)


@pytest.mark.parametrize("cut", CUTS)
def test_a_patch_cut_by_a_reset_leaves_a_prefix(cut: int, repository: Repository) -> None:
    content, location = unique(SIZE), repository.open_upload()
    headers = [("Content-Length", str(SIZE))]

    send_and_break(repository, ("PATCH", location), headers, content[:cut], reset=True)

    offset = repository.settled_offset(location)
    assert offset <= cut
    finish(repository, location, content, offset)


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_stream_leaves_a_prefix(cut: int, repository: Repository) -> None:
    content, location = unique(SIZE), repository.open_upload()
    headers = [("Transfer-Encoding", "chunked")]

    send_and_break(repository, ("PATCH", location), headers, chunks(content[:cut]), reset=False)

    offset = repository.settled_offset(location)
    assert offset <= cut
    finish(repository, location, content, offset)


@pytest.mark.parametrize("tail", [b"1f40\r\n", b"1f40\r\nxyz", b"zz\r\n", b"-1\r\n", b"1f40"])
def test_a_stream_that_ends_inside_a_chunk_leaves_what_was_sent(
    tail: bytes, repository: Repository
) -> None:
    content, location = unique(20_000), repository.open_upload()
    headers = [("Transfer-Encoding", "chunked")]
    sent = chunks(content[:8000]) + (tail.replace(b"xyz", content[8000:8003]))

    send_and_break(repository, ("PATCH", location), headers, sent, reset=False)

    offset = repository.settled_offset(location)
    assert offset <= 8003
    finish(repository, location, content, offset)


def test_a_second_cut_is_survived_like_the_first(repository: Repository) -> None:
    content, location, offset = unique(SIZE), repository.open_upload(), 0

    for cut in (50_000, 120_000, 250_000):
        rest = [("Content-Length", str(SIZE - offset))]
        body = content[offset:cut]
        send_and_break(repository, ("PATCH", location), rest, body, reset=False)
        offset = repository.settled_offset(location, at_least=cut)
        assert offset <= cut

    finish(repository, location, content, offset)


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_put_creates_no_blob_and_leaves_the_session(
    cut: int, reset: bool, repository: Repository
) -> None:
    content, location = unique(SIZE), repository.open_upload()
    path = closing(location, digest_of(content))

    length = [("Content-Length", str(SIZE))]
    send_and_break(repository, ("PUT", path), length, content[:cut], reset=reset)

    offset = repository.settled_offset(location)
    assert offset <= cut
    assert not repository.has_blob(digest_of(content))
    finish(repository, location, content, offset)


def test_a_cut_put_whose_beginning_has_the_right_digest_creates_no_blob(
    repository: Repository,
) -> None:
    """More was announced than the digest covers; only the whole request counts."""
    content, location = unique(1000), repository.open_upload()
    path = closing(location, digest_of(content))

    length = [("Content-Length", "2000")]
    send_and_break(repository, ("PUT", path), length, content, reset=False)

    repository.settled_offset(location)
    assert not repository.has_blob(digest_of(content))


@pytest.mark.parametrize("cut", [0, 1, 65_536, SIZE - 1])
def test_a_cut_single_post_creates_no_blob(cut: int, repository: Repository) -> None:
    content = unique(SIZE)
    repository.open_upload()
    path = repository.uploads(digest=digest_of(content))

    length = [("Content-Length", str(SIZE))]
    send_and_break(repository, ("POST", path), length, content[:cut], reset=False)

    assert not repository.has_blob(digest_of(content))
    repository.push_blob(content)


@pytest.mark.parametrize("cut", [0, 1, 50, -1])
def test_a_cut_manifest_is_not_stored(cut: int, repository: Repository) -> None:
    body = encode(repository.image_document())
    path = repository.manifest("cut")
    headers = [("Content-Type", OCI_MANIFEST), ("Content-Length", str(len(body)))]

    send_and_break(repository, ("PUT", path), headers, body[:cut], reset=False)

    assert repository.client.get(path).status == 404
    assert repository.put_manifest(body, "cut").status == 201


def test_a_manifest_whose_beginning_is_complete_but_cut_is_not_stored(
    repository: Repository,
) -> None:
    body = encode(repository.image_document())
    path = repository.manifest("cut")
    headers = [("Content-Type", OCI_MANIFEST), ("Content-Length", str(len(body) + 10))]

    send_and_break(repository, ("PUT", path), headers, body, reset=False)

    assert repository.client.get(path).status == 404


def test_a_reader_that_hangs_up_harms_nobody(repository: Repository) -> None:
    content = unique(2_000_000)
    digest = repository.push_blob(content)["digest"]

    for _ in range(5):
        with Wire(repository.client.host) as wire:
            wire.begin("GET", repository.blob(digest), authorized(repository))
            wire.read_status()
            wire.reset()

    assert repository.client.get(repository.blob(digest)).body == content

"""Bodies that are longer, shorter or framed otherwise than their request says."""

import pytest

from tests.conformance.client import Answer, Headers
from tests.conformance.content import OCI_INDEX, digest_of, encode, unique
from tests.conformance.repository import Repository, closing
from tests.conformance.wire import Wire

LENGTH = "Content-Length"
CHUNKED = ("Transfer-Encoding", "chunked")


def exchange(
    repository: Repository, method: str, path: str, headers: Headers, body: bytes
) -> Answer | None:
    """One raw request, cut off after its body; None where the server hung up as well."""
    bearer = repository.client.bearer(f"repository:{repository.name}:pull,push")
    with Wire(repository.client.host) as wire:
        try:
            wire.begin(method, path, [*bearer, *headers])
            wire.send(body)
            wire.finish_sending()
            return wire.read(method)
        except OSError:
            return None


def assert_not_taken(repository: Repository, answer: Answer | None, content: bytes) -> None:
    assert answer is None or 400 <= answer.status < 500, answer
    assert not repository.has_blob(digest_of(content))


@pytest.mark.parametrize("announced", [101, 200, 10_000_000, 10**15])
def test_a_put_shorter_than_its_length_creates_no_blob(
    announced: int, writable: Repository
) -> None:
    content = unique(100)
    path = closing(writable.open_upload(), digest_of(content))

    answer = exchange(writable, "PUT", path, [(LENGTH, str(announced))], content)

    assert_not_taken(writable, answer, content)


@pytest.mark.parametrize("announced", [0, 1, 99])
def test_a_put_longer_than_its_length_creates_no_blob(announced: int, writable: Repository) -> None:
    content = unique(100)
    path = closing(writable.open_upload(), digest_of(content))

    answer = exchange(writable, "PUT", path, [(LENGTH, str(announced))], content)

    assert_not_taken(writable, answer, content)


@pytest.mark.parametrize("announced", [101, 10_000])
def test_a_single_post_shorter_than_its_length_creates_no_blob(
    announced: int, writable: Repository
) -> None:
    content = unique(100)
    writable.open_upload()
    path = writable.uploads(digest=digest_of(content))

    answer = exchange(writable, "POST", path, [(LENGTH, str(announced))], content)

    assert_not_taken(writable, answer, content)


@pytest.mark.parametrize("value", ["-1", "abc", "1.5", "0x64", "100, 99", "+100", "1e2", "9" * 30])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_length_that_is_none_is_refused(method: str, value: str, writable: Repository) -> None:
    content, location = unique(100), writable.open_upload()
    path = closing(location, digest_of(content))

    answer = exchange(writable, method, path, [(LENGTH, value)], content)

    assert_not_taken(writable, answer, content)
    assert writable.client.get(location).status == 204


@pytest.mark.parametrize(
    "headers",
    [
        [(LENGTH, "100"), (LENGTH, "99")],
        [(LENGTH, "5"), CHUNKED],
        [CHUNKED, (LENGTH, "5")],
        [("Transfer-Encoding", "gzip")],
        [("Transfer-Encoding", "chunked, identity")],
        [("Transfer-Encoding", "xchunked")],
        [("Transfer-Encoding", " chunked"), ("Transfer-Encoding", "x")],
    ],
    ids=["two lengths", "length and chunked", "chunked and length", "gzip", "not last", "x", "two"],
)
def test_a_body_framed_in_two_ways_smuggles_nothing(headers: Headers, writable: Repository) -> None:
    """RFC 9112 section 6.3: refused, or read by the framing that has the precedence."""
    content, location = unique(100), writable.open_upload()
    path = closing(location, digest_of(content))

    body = b"64\r\n%b\r\n0\r\n\r\n" % content
    answer = exchange(writable, "PUT", path, headers, body)

    if answer is not None and answer.status != 201:
        assert_not_taken(writable, answer, content)
    elif answer or writable.has_blob(digest_of(content)):  # hung up on, before or after
        assert writable.client.get(writable.blob(digest_of(content))).body == content


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n%b\r\n0\r\n\r\n",
        b"-64\r\n%b\r\n0\r\n\r\n",
        b"63\r\n%b\r\n0\r\n\r\n",
        b"65\r\n%b\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n%b\r\n0\r\n\r\n",
        b"%b",
    ],
)
def test_chunks_that_break_the_grammar_create_no_blob(body: bytes, writable: Repository) -> None:
    content = unique(100)
    path = closing(writable.open_upload(), digest_of(content))

    answer = exchange(writable, "PUT", path, [CHUNKED], body % content)

    assert_not_taken(writable, answer, content)


@pytest.mark.parametrize(
    "body",
    [
        b"64;name=value\r\n%b\r\n0\r\n\r\n",
        b"064\r\n%b\r\n0\r\n\r\n",
        b"64\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n",
        b"64\r\n%b\r\n000\r\n\r\n",
    ],
)
def test_chunks_with_extensions_and_trailers_are_read(body: bytes, writable: Repository) -> None:
    content = unique(100)
    path = closing(writable.open_upload(), digest_of(content))

    bearer = writable.client.bearer(f"repository:{writable.name}:pull,push")
    with Wire(writable.client.host) as wire:
        wire.begin("PUT", path, [*bearer, CHUNKED])
        wire.send(body % content)

        assert wire.read("PUT").status == 201


@pytest.mark.parametrize("body", [b"64\r\n%b\r\n", b"64\r\n%b", b"64\r\n%b0\r\n\r\n"])
def test_a_stream_without_its_end_creates_no_blob_but_the_right_one(
    body: bytes, writable: Repository
) -> None:
    content = unique(100)
    path = closing(writable.open_upload(), digest_of(content))

    exchange(writable, "PUT", path, [CHUNKED], body % content)

    pulled = writable.client.get(writable.blob(digest_of(content)))
    assert pulled.status == 404 or pulled.body == content


BROKEN_ENDS = [
    b"ZZ\r\n",
    b"zz\r\n0\r\n\r\n",
    b"-1\r\n\r\n",
    b"fffffffffffffffff\r\n",
    b"\r\n",
    b" 0\r\n\r\n",
    b"0x0\r\n\r\n",
    b"0\r\nno colon\r\n\r\n",
    b"5\r\nabcde0\r\n\r\n",
    b"0\r\n",
    b"5\r\nab",
    b"",
]


@pytest.mark.parametrize("end", BROKEN_ENDS)
def test_an_empty_blob_whose_framing_broke_is_refused(end: bytes, writable: Repository) -> None:
    answer = exchange(writable, "POST", writable.uploads(digest=digest_of(b"")), [CHUNKED], end)

    assert answer is None or answer.status == 400, answer
    assert not writable.has_blob(digest_of(b""))


@pytest.mark.parametrize("end", BROKEN_ENDS)
def test_a_manifest_whose_framing_broke_is_not_stored(end: bytes, writable: Repository) -> None:
    body = encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})
    path = writable.manifest("broken")
    headers = [CHUNKED, ("Content-Type", OCI_INDEX)]

    answer = exchange(writable, "PUT", path, headers, b"%x\r\n%b\r\n" % (len(body), body) + end)

    assert answer is None or answer.status == 400, answer
    assert writable.client.get(path).status == 404
    assert writable.client.get(writable.manifest(digest_of(body))).status == 404


@pytest.mark.parametrize("end", BROKEN_ENDS)
def test_a_chunk_whose_framing_broke_moves_no_upload(end: bytes, writable: Repository) -> None:
    content, location = unique(100), writable.open_upload()

    answer = exchange(writable, "PATCH", location, [CHUNKED], b"64\r\n%b\r\n" % content + end)

    assert answer is None or answer.status == 400, answer
    assert writable.settled_offset(location) == 0

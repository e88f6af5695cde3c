"""An answer that comes before the end of the body arrives, and the connection stays in step."""

from collections.abc import Iterator
from threading import Thread

import pytest

from tests.conformance.client import Answer, Headers
from tests.conformance.content import OCI_MANIFEST, digest_of, unique
from tests.conformance.repository import Repository, closing
from tests.conformance.wire import Wire
from tests.system.conftest import LARGEST_BLOB_BYTES

pytestmark = pytest.mark.xdist_group("small-registry")

PIECE = bytes(1024 * 1024)
IN_FLIGHT_MIB = 8
MANIFEST = ("Content-Type", OCI_MANIFEST)


def test_a_refused_body_is_answered_while_it_is_sent(small_repository: Repository) -> None:
    """The client reads only after it has sent everything, as simple ones do."""
    repository = small_repository
    unknown = repository.path("blobs/uploads/00000000-0000-4000-8000-000000000000")
    refused = [
        ("POST", repository.uploads(digest=digest_of(b"")), [], 401),
        ("PATCH", unknown, bearer(repository), 404),
        ("PUT", closing(unknown, digest_of(b"")), bearer(repository), 404),
        ("PUT", repository.manifest("v2"), [*bearer(repository), MANIFEST], 413),
        ("PUT", "/v2/not/a/route", [], 404),
        ("POST", repository.manifest("v2"), [], 405),
    ]
    for method, path, headers, status in refused:
        for length in ("Content-Length", "Transfer-Encoding"):
            with Wire(repository.client.host) as wire:
                wire.begin(method, path, [*headers, announcement(length)])
                send_all(wire, length)
                answer = wire.read(method)
            assert answer.status == status, (method, path, length, answer)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_blob_that_is_too_large_is_refused_and_its_upload_stays(
    method: str, small_repository: Repository
) -> None:
    location = small_repository.open_upload()
    path = closing(location, digest_of(b"")) if method == "PUT" else location
    size = LARGEST_BLOB_BYTES + 1
    for length in (("Content-Length", str(size)), ("Transfer-Encoding", "chunked")):
        with Wire(small_repository.client.host) as wire:
            wire.begin(method, path, [*bearer(small_repository), length])
            answer = answered_while_sending(wire, method, size, is_chunked=length[1] == "chunked")
        assert (answer.status, answer.code) == (413, "SIZE_INVALID")
        assert small_repository.offset(location) == 0


def test_requests_sent_in_one_go_are_answered_in_their_order(
    small_repository: Repository,
) -> None:
    content = unique(300)
    digest = small_repository.push_blob(content)["digest"]
    unknown = small_repository.blob(digest_of(b"unknown"))
    path = small_repository.blob(digest)
    with Wire(small_repository.client.host) as wire:
        for target, headers in [(path, []), (unknown, []), (path, [("Range", "bytes=10-19")])]:
            wire.begin("GET", target, [*bearer(small_repository), *headers])
        answers = [wire.read() for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 404, 206]
    assert answers[0].body == content
    assert answers[2].body == content[10:20]


def test_a_connection_goes_on_after_every_kind_of_refusal(small_repository: Repository) -> None:
    content = unique(300)
    path = small_repository.blob(small_repository.push_blob(content)["digest"])
    location = small_repository.open_upload()
    login = bearer(small_repository)
    out_of_order = [*login, ("Content-Length", "5"), ("Content-Range", "7-11")]
    refused: list[tuple[str, str, Headers, bytes, int]] = [
        ("GET", path, [*login, ("Range", "bytes=300-")], b"", 416),
        ("GET", path, [], b"", 401),
        ("GET", path, [("Authorization", "Bearer x")], b"", 401),
        ("GET", small_repository.blob("sha256:short"), login, b"", 400),
        ("PATCH", location, out_of_order, b"chunk", 416),
        ("PUT", location, [*login, ("Content-Length", "5")], b"chunk", 400),
        ("DELETE", path.replace("/blobs/", "/nothing/"), login, b"", 404),
        ("POST", path, [*login, ("Content-Length", "4")], b"GET ", 405),
        ("HEAD", small_repository.manifest("unknown"), login, b"", 404),
    ]
    with Wire(small_repository.client.host) as wire:
        for method, target, headers, body, status in refused:
            wire.begin(method, target, headers)
            wire.send(body)
            assert wire.read(method).status == status, (method, target)

            wire.begin("GET", path, login)
            assert wire.read().body == content, f"after {method} {target}"


def bearer(repository: Repository) -> Headers:
    return repository.client.bearer(f"repository:{repository.name}:pull,push")


def announcement(length: str) -> tuple[str, str]:
    if length == "Content-Length":
        return length, str(IN_FLIGHT_MIB * len(PIECE))
    return length, "chunked"


def send_all(wire: Wire, length: str) -> None:
    for _ in range(IN_FLIGHT_MIB):
        wire.send(PIECE if length == "Content-Length" else in_chunk(PIECE))
    if length != "Content-Length":
        wire.send(b"0\r\n\r\n")


def in_chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def answered_while_sending(wire: Wire, method: str, size: int, *, is_chunked: bool) -> Answer:
    """Read the answer beside the sending, as clients do that stop when they are refused."""

    def send() -> None:
        try:
            for piece in pieces(size):
                wire.send(in_chunk(piece) if is_chunked else piece)
            if is_chunked:
                wire.send(b"0\r\n\r\n")
        except OSError:
            return  # the server said no and hung up

    sender = Thread(target=send)
    sender.start()
    answer = wire.read(method)
    sender.join(timeout=30)
    return answer


def pieces(size: int) -> Iterator[bytes]:
    for start in range(0, size, len(PIECE)):
        yield PIECE[: min(len(PIECE), size - start)]

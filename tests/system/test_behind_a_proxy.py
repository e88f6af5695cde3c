"""A proxy stands before the registry: addresses are the proxy's, and small bodies are enough."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.conformance.client import Client, Headers, in_pieces
from tests.conformance.content import digest_of, unique
from tests.conformance.repository import OCTETS, Repository
from tests.conformance.wire import Wire
from tests.live import RunningServer, log_of, start_server
from tests.system.proxies import LARGEST_BODY, NGINX, PROXIES, Proxy, before

pytestmark = pytest.mark.xdist_group("small-registry")

CHUNK_BYTES = 900_000
MINIMUM_CHUNK_BYTES = 500_000

# What a proxy forwards, and the realm that clients are sent to. "HOST" is the server's own.
FORWARDED: list[tuple[Headers, str]] = [
    ([], "http://HOST/v2/auth"),
    ([("X-Forwarded-Proto", "https")], "https://HOST/v2/auth"),
    (
        [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "registry.example.com")],
        "https://registry.example.com/v2/auth",
    ),
    (
        [("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Host", "outer.example, inner:80")],
        "https://outer.example/v2/auth",
    ),
    (
        [("X-Forwarded-Host", "registry.example.com:8443")],
        "http://registry.example.com:8443/v2/auth",
    ),
    ([("X-Forwarded-Proto", "gopher")], "http://HOST/v2/auth"),
    (
        [("X-Forwarded-Host", 'x",realm="http://evil.example')],
        "http://HOST/v2/auth",
    ),
]


@pytest.mark.parametrize(("headers", "realm"), FORWARDED)
def test_clients_are_sent_for_tokens_to_where_they_came_from(
    headers: Headers, realm: str, small_registry: RunningServer
) -> None:
    answer = Client(small_registry.host).send("GET", "/v2/", headers=headers)

    assert answer.status == 401
    assert answer.challenge["realm"] == realm.replace("HOST", small_registry.host)


@pytest.mark.parametrize("path", ["/v2/", "/"])
def test_a_page_elsewhere_whose_name_means_our_address_gets_nothing(
    path: str, small_registry: RunningServer
) -> None:
    with closing(HTTPConnection(small_registry.host, timeout=30)) as connection:
        connection.request("GET", path, headers={"Host": "rebound.example:8080"})
        answer = connection.getresponse()

        assert answer.status == 400
        assert b"ALLOWED_HOSTS" in answer.read()


def test_every_location_is_a_path_and_so_right_behind_any_proxy(
    small_repository: Repository,
) -> None:
    forwarded = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "registry.example.com")]
    client, content = small_repository.client, unique()
    opened = client.post(small_repository.uploads(), headers=forwarded)
    location = opened.header("Location")
    body = client.get(small_repository.manifest("v1")).body
    media_type = ("Content-Type", "application/vnd.oci.image.manifest.v1+json")

    answers = [
        opened,
        client.patch(location, body=content, headers=forwarded),
        client.get(location, headers=forwarded),
        client.put(f"{location}?digest={digest_of(content)}", headers=forwarded),
        client.post(small_repository.uploads(digest=digest_of(b"x")), body=b"x", headers=forwarded),
        client.put(small_repository.manifest("v2"), body=body, headers=[*forwarded, media_type]),
    ]

    for answer in answers:
        assert answer.header("Location").startswith(f"/v2/{small_repository.name}/"), answer


@pytest.fixture(scope="module")
def chunking_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A registry that asks for chunks of a certain size, and trusts proxies at one address."""
    environment = {
        "BERTH_TRUSTED_PROXIES": '["127.0.0.1/32"]',
        "WORKERS": "1",
        "BERTH_OCI_CHUNK_MIN_LENGTH": str(MINIMUM_CHUNK_BYTES),
    }
    server = start_server(tmp_path_factory.mktemp("proxied") / "data", environment=environment)
    yield server
    server.stop()


@pytest.mark.parametrize("is_buffering", [True, False], ids=["buffering", "streaming"])
def test_blobs_larger_than_the_body_limit_of_nginx_come_in_chunks(
    is_buffering: bool, chunking_registry: RunningServer, tmp_path: Path
) -> None:
    server, content = chunking_registry, unique(5_000_000)
    replaced = {"client_max_body_size 0;": f"client_max_body_size {LARGEST_BODY};"}
    if is_buffering:
        replaced["buffering off;"] = "buffering on;"
    with before(server.host, NGINX, tmp_path, replaced=replaced) as host:
        client = Client(host, "admin", server.admin_password)
        repository = Repository(client, f"admin/proxied-{is_buffering}".lower())
        assert client.send("GET", "/v2/").challenge["realm"] == f"http://{host}/v2/auth"
        opened = client.post(repository.uploads())
        assert opened.header("OCI-Chunk-Min-Length") == str(MINIMUM_CHUNK_BYTES)
        location = opened.header("Location")

        for start in range(0, len(content), CHUNK_BYTES):
            body = content[start : start + CHUNK_BYTES]
            headers = [*OCTETS, ("Content-Range", f"{start}-{start + len(body) - 1}")]
            answer = client.patch(location, body=body, headers=headers)
            assert answer.status == 202, answer
            location = answer.header("Location")

        assert repository.commit(location, digest_of(content)).status == 201
        assert client.get(repository.blob(digest_of(content))).body == content


@dataclass(frozen=True, slots=True)
class Proxied:
    """A registry, and a proxy that stands before it."""

    host: str
    server: RunningServer
    name: str

    @property
    def repository(self) -> Repository:
        client = Client(self.host, "admin", self.server.admin_password)
        return Repository(client, f"admin/behind-{self.name}")


@pytest.fixture(scope="module", params=PROXIES, ids=lambda proxy: proxy.name)
def proxied(
    request: pytest.FixtureRequest,
    chunking_registry: RunningServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxied]:
    proxy: Proxy = request.param
    with before(chunking_registry.host, proxy, tmp_path_factory.mktemp(proxy.name)) as host:
        yield Proxied(host, chunking_registry, proxy.name)


@pytest.mark.parametrize("is_chunked", [False, True], ids=["sized", "chunked"])
def test_a_blob_goes_through_a_proxy_whole(is_chunked: bool, proxied: Proxied) -> None:
    content, repository = unique(3_000_000), proxied.repository
    body: bytes | list[bytes] = in_pieces(content, 100_000) if is_chunked else content

    answer = repository.commit(repository.open_upload(), digest_of(content), body)

    assert answer.status == 201
    assert repository.client.get(repository.blob(digest_of(content))).body == content


def test_a_stretch_of_a_blob_comes_through_a_proxy(proxied: Proxied) -> None:
    content, repository = unique(300_000), proxied.repository
    repository.push_blob(content)

    answer = repository.client.get(
        repository.blob(digest_of(content)), headers=[("Range", "bytes=1000-1999")]
    )

    assert answer.status == 206
    assert answer.body == content[1000:2000]


# What a caller writes, so that it may pass for another one.
FORGED: list[Headers] = [
    [("X-Forwarded-For", "192.0.2.66")],
    [("X-Forwarded-For", "192.0.2.66"), ("X-Forwarded-For", "192.0.2.67")],
    [("X-Forwarded-For", "192.0.2.66, 127.0.0.1")],
    [("X-Forwarded-For", ", ".join(["192.0.2.66"] * 100))],
    [("X_Forwarded_For", "192.0.2.66")],
    [("X-Forwarded_For", "192.0.2.66")],
    [("X.Forwarded.For", "192.0.2.66")],
    [("x-forwarded-for", "192.0.2.66"), ("Connection", "close, X-Forwarded-For")],
    [("Forwarded", "for=192.0.2.66;host=evil.example;proto=https")],
    [("Forwarded", "for=192.0.2.66"), ("Forwarded", "for=127.0.0.1")],
    [("X-Real-IP", "192.0.2.66"), ("True-Client-IP", "192.0.2.66")],
    [("Remote-Addr", "192.0.2.66"), ("Remote_Addr", "192.0.2.66")],
]


def test_a_proxy_tells_who_called_whatever_callers_write(proxied: Proxied) -> None:
    """Failed logins are written to the log with the address that they came from."""
    nobody = ("Authorization", "Basic bm9ib2R5Om5vdGhpbmc=")
    start, log = log_of(proxied.server.data).stat().st_size, log_of(proxied.server.data)
    first = 1 + 20 * PROXIES.index(next(p for p in PROXIES if p.name == proxied.name))
    addresses = [f"127.0.5.{first + number}" for number in range(len(FORGED))]
    for address, headers in zip(addresses, FORGED, strict=True):
        client = Client(proxied.host, address=address)
        assert client.send("GET", "/v2/auth", headers=[*headers, nobody]).status == 401

    with log.open() as written:
        written.seek(start)
        assert re.findall(r"from (\S+) failed", written.read()) == addresses


HIDDEN: list[Headers] = [
    [("X-Forwarded-Host", "evil.example")],
    [("X_Forwarded_Host", "evil.example")],
    [("X-Forwarded-Proto", "https")],
    [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "https")],
    [("Forwarded", "for=127.0.0.1;host=evil.example;proto=https")],
    [("X-Original-URL", "/admin/"), ("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-Port", "1")],
    [("Connection", "X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-For")],
]


@pytest.mark.parametrize("headers", HIDDEN)
def test_a_proxy_tells_what_was_asked_for_whatever_callers_write(
    headers: Headers, proxied: Proxied
) -> None:
    answer = Client(proxied.host).send("GET", "/v2/", headers=headers)

    assert answer.status == 401
    assert answer.challenge["realm"] == f"http://{proxied.host}/v2/auth"


def test_what_looks_like_two_requests_is_never_two_answers_for_the_next_caller(
    proxied: Proxied,
) -> None:
    for body in SMUGGLED:
        with Wire(proxied.host) as wire:
            wire.send(b"PATCH /v2/nobody/x/blobs/uploads/1 HTTP/1.1\r\nHost: a\r\n" + body)
            status = wire.read("PATCH").status
        assert 400 <= status < 600, body
        with Wire(proxied.host) as wire:
            wire.begin("GET", "/v2/")
            answer = wire.read()
        assert (answer.status, b"smuggled" in answer.body) == (401, False), body


INNER = b"GET /v2/smuggled/x/tags/list HTTP/1.1\r\nHost: a\r\n\r\n"
SIZE = b"%d" % (len(INNER) + 5)
LAST = b"0\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = [
    b"Content-Length: " + SIZE + b"\r\n" + CHUNKED + LAST + INNER,
    CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\n") + LAST + INNER,
    b"Content-Length: " + SIZE + b"\r\nTransfer-Encoding:\tchunked\r\n\r\n" + LAST + INNER,
    b"Content-Length: " + SIZE + b"\r\nTransfer_Encoding: chunked\r\n\r\n" + LAST + INNER,
    b"Content-Length: " + SIZE + b"\r\nTransfer-Encoding:\r\n chunked\r\n\r\n" + LAST + INNER,
    b"Content-Length: " + SIZE + b"\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n" + LAST + INNER,
    b"Content-Length: 0\r\nContent-Length: " + SIZE + b"\r\n\r\n" + LAST + INNER,
    b"Content-Length: 0, " + SIZE + b"\r\n\r\n" + LAST + INNER,
    b"Content_Length: " + SIZE + b"\r\n\r\n" + LAST + INNER,
    CHUNKED + b'2;a="\r\nxx\r\n' + LAST + INNER,
    CHUNKED + b"2;\nxx\r\n" + LAST + INNER,
    CHUNKED + b"0x0\r\n\r\n" + INNER,
    CHUNKED + b"10000000000000002\r\nxx\r\n" + LAST + INNER,
    CHUNKED + b"2\r\nxxyy\r\n" + LAST + INNER,
    CHUNKED + b"0\r\nContent-Length: 99\r\n\r\n" + INNER,
    CHUNKED + b"2\nxx\n0\n\n" + INNER,
    b"Expect: 100-continue\r\nContent-Length: " + SIZE + b"\r\n\r\n" + LAST + INNER,
]


def test_a_body_with_broken_framing_stores_nothing_behind_a_proxy(proxied: Proxied) -> None:
    repository, content = proxied.repository, unique(10)
    name, bearer = repository.name, repository.client.bearer(scope_of(repository))[0]
    path = repository.uploads(digest=digest_of(content))
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\n{bearer[0]}: {bearer[1]}\r\n".encode() + CHUNKED

    with Wire(proxied.host) as wire:
        wire.send(head + b"a\r\n" + content + b"\r\nZZ\r\n")
        assert wire.read("POST").status in range(400, 600), name

    assert repository.client.head(repository.blob(digest_of(content))).status == 404


def scope_of(repository: Repository) -> str:
    return f"repository:{repository.name}:pull,push"

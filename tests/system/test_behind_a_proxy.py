"""A proxy stands before the registry: addresses are the proxy's, and small bodies are enough."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.client import Client, Headers
from tests.conformance.content import digest_of, unique
from tests.conformance.repository import OCTETS, Repository
from tests.live import BEHIND_A_PROXY, RunningServer, start_server
from tests.system.nginx import find_nginx, nginx_before

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
    """A registry that asks for chunks of a certain size."""
    environment = {
        **BEHIND_A_PROXY,
        "WORKERS": "1",
        "BERTH_OCI_CHUNK_MIN_LENGTH": str(MINIMUM_CHUNK_BYTES),
    }
    server = start_server(tmp_path_factory.mktemp("proxied") / "data", environment=environment)
    yield server
    server.stop()


@pytest.mark.skipif(find_nginx() is None, reason="nginx is not installed")
@pytest.mark.parametrize("is_buffering", [True, False], ids=["buffering", "streaming"])
def test_blobs_larger_than_the_body_limit_of_nginx_come_in_chunks(
    is_buffering: bool, chunking_registry: RunningServer, tmp_path: Path
) -> None:
    server, content = chunking_registry, unique(5_000_000)
    with nginx_before(server.host, tmp_path, is_buffering=is_buffering) as host:
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

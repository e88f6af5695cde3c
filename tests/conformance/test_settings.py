"""What settings change in the protocol, and what a restart does not."""

from collections.abc import Iterator

import pytest

from tests.conformance.client import Client, link
from tests.conformance.content import OCI_INDEX, OCI_MANIFEST, digest_of, encode, index, unique
from tests.conformance.repository import OCTETS, Repository
from tests.live import RunningServer, start_server

PAGE = 2
CHUNK_MIN_BYTES = 1000
MANIFEST_BYTES = 1024 * 1024
ENVIRONMENT = {
    "BERTH_V2_PAGINATION_SIZE": str(PAGE),
    "BERTH_OCI_CHUNK_MIN_LENGTH": str(CHUNK_MIN_BYTES),
    "BERTH_MAXIMUM_MANIFEST_SIZE": "1M",
}

pytestmark = pytest.mark.xdist_group("limits")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with small limits, which the last test starts again."""
    running = start_server(tmp_path_factory.mktemp("limits") / "data", environment=ENVIRONMENT)
    yield running
    running.stop()


@pytest.fixture
def small(server: RunningServer) -> Repository:
    return Repository(Client(server.host, "admin", server.admin_password), "admin/small")


def test_a_minimum_chunk_length_is_announced_by_the_post(small: Repository) -> None:
    """Section "Pushing a blob in chunks"."""
    answer = small.client.post(small.uploads())

    assert answer.header("OCI-Chunk-Min-Length") == str(CHUNK_MIN_BYTES)


def test_the_last_chunk_may_be_shorter_than_the_minimum(small: Repository) -> None:
    content, location = unique(CHUNK_MIN_BYTES + 1), small.open_upload()

    for chunk in (content[:CHUNK_MIN_BYTES], content[CHUNK_MIN_BYTES:]):
        assert small.client.patch(location, body=chunk, headers=OCTETS).status == 202

    assert small.commit(location, digest_of(content)).status == 201


@pytest.mark.parametrize("query", ["", "?n=3", "?n=1000"])
def test_no_page_of_tags_is_longer_than_the_setting(query: str, small: Repository) -> None:
    tags = [f"t{n}" for n in range(5)]
    for tag in tags:
        small.push_manifest(index([]), tag, OCI_INDEX)

    found: list[str] = []
    path = small.path(f"tags/list{query}")
    while path:
        answer = small.client.get(path)
        assert len(answer.json()["tags"]) <= PAGE
        found += answer.json()["tags"]
        path = link(answer)

    assert found == tags


@pytest.mark.parametrize("query", ["", "?artifactType=a/b"])
def test_referrers_that_fill_several_pages_are_linked(query: str, small: Repository) -> None:
    """Section "Listing Referrers": Link leads to the rest, and keeps the filter."""
    subject = small.push_image()
    document = {"artifactType": "a/b", "subject": subject.descriptor()}
    pushed = [
        small.push_manifest(index([], annotations={"n": str(n)}, **document), "", OCI_INDEX).digest
        for n in range(5)
    ]
    other = index([], artifactType="x/y", subject=subject.descriptor())
    others = [small.push_manifest(other, "", OCI_INDEX).digest]

    found: list[str] = []
    path = small.path(f"referrers/{subject.digest}{query}")
    pages = 0
    while path:
        answer = small.client.get(path)
        assert answer.header("Content-Type") == OCI_INDEX
        assert answer.header("OCI-Filters-Applied") == ("artifactType" if query else "")
        found += [entry["digest"] for entry in answer.json()["manifests"]]
        path, pages = link(answer), pages + 1

    assert sorted(found) == sorted(pushed if query else pushed + others)
    assert pages == 3


def test_a_manifest_above_the_setting_is_too_large(small: Repository) -> None:
    """Section "Pushing Manifests": 413."""
    document = encode(small.image_document(annotations={"big": "@"}))
    for size, status in ((MANIFEST_BYTES, 201), (MANIFEST_BYTES + 1, 413)):
        body = document.replace(b"@", b"A" * (size - len(document) + 1))

        answer = small.put_manifest(body, "big", OCI_MANIFEST)

        assert answer.status == status
        if status == 413:
            assert b"MAXIMUM_MANIFEST_SIZE" in answer.body


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_upload_goes_on_after_a_restart(end: str, server: RunningServer) -> None:
    content = unique(300_000)
    client = Client(server.host, "admin", server.admin_password)
    repository = Repository(client, "admin/restarted")
    location = repository.open_upload()
    client.patch(location, body=content[:200_000], headers=OCTETS)

    getattr(server, end)()
    port = int(server.host.rpartition(":")[2])
    again = start_server(server.data, port=port, environment=ENVIRONMENT)
    server.process = again.process

    assert repository.offset(location) == 200_000
    headers = [*OCTETS, ("Content-Range", "200000-299999")]
    assert client.patch(location, body=content[200_000:], headers=headers).status == 202
    assert repository.commit(location, digest_of(content)).status == 201
    assert client.get(repository.blob(digest_of(content))).body == content

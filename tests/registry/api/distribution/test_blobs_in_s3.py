"""Blobs in S3 over HTTP: clients are sent there, unless S3 would answer otherwise than we do."""

import urllib.error
import urllib.request

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client
from pytest_django import Settings

from artifacts.oci.digest import Digest
from registry.blobs.models import Blob
from registry.repositories.models import Repository
from registry.storage.select import blob_store
from tests.registry.builders import hold
from tests.s3_server import SECRET_KEY, S3Server

CONTENT = bytes(range(256)) * 20
DIGEST = Digest.of(CONTENT)
PATH = f"/v2/acme/web/blobs/{DIGEST}"
TAG = f'"{DIGEST}"'


@pytest.fixture(scope="module")
def parameters(s3_server: S3Server) -> dict[str, object]:
    return s3_server.parameters()


@pytest.fixture(autouse=True)
def blob(repository: Repository, settings: Settings, parameters: dict[str, object]) -> Blob:
    settings.DISTRIBUTED_STORAGE_CONFIG = {"default": ["S3Storage", parameters]}
    return hold(repository, CONTENT)[0]


def fetched(response: object, **headers: str) -> tuple[int, bytes]:
    """What a client gets that follows, without the token it has for us."""
    assert isinstance(response, HttpResponse)
    assert response.status_code == 307
    request = urllib.request.Request(response.headers["Location"], headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, answer.read()


def test_a_reader_is_sent_to_s3_and_finds_the_blob_there(pusher: Client) -> None:
    response = pusher.get(PATH)

    assert fetched(response) == (200, CONTENT)
    assert response.headers["Docker-Content-Digest"] == str(DIGEST)
    assert response.headers["Cache-Control"] == "no-store"
    assert "X-Amz-Expires=600" in response.headers["Location"]
    assert SECRET_KEY not in response.headers["Location"]


def test_a_part_is_had_where_the_reader_is_sent(pusher: Client) -> None:
    response = pusher.get(PATH, headers={"Range": "bytes=10-19"})

    assert fetched(response, Range="bytes=10-19") == (206, CONTENT[10:20])


def test_a_part_that_is_not_there_is_refused_without_asking_s3(pusher: Client) -> None:
    assert pusher.get(PATH, headers={"Range": f"bytes={len(CONTENT)}-"}).status_code == 416


def test_head_describes_the_blob_and_sends_nobody_on(pusher: Client) -> None:
    response = pusher.head(PATH)

    assert response.status_code == 200
    assert response.headers["Content-Length"] == str(len(CONTENT))
    assert "Location" not in response.headers


def test_who_has_the_blob_is_told_so(pusher: Client) -> None:
    assert pusher.get(PATH, headers={"If-None-Match": TAG}).status_code == 304


@pytest.mark.parametrize(
    ("headers", "status", "length"),
    [
        ({"If-Match": TAG}, 200, len(CONTENT)),
        ({"Range": "bytes=5-9", "If-Range": TAG}, 206, 5),
        ({"Range": "bytes=0-4,10-14"}, 206, None),
    ],
    ids=["If-Match", "If-Range", "several parts"],
)
def test_what_s3_would_answer_otherwise_comes_from_us(
    pusher: Client, headers: dict[str, str], status: int, length: int | None
) -> None:
    response = pusher.get(PATH, headers=headers)

    assert isinstance(response, StreamingHttpResponse)
    assert response.status_code == status
    content = response.getvalue()
    assert length is None or len(content) == length


def test_with_proxy_storage_the_blob_comes_from_us(pusher: Client, settings: Settings) -> None:
    settings.FEATURE_PROXY_STORAGE = True

    response = pusher.get(PATH)

    assert isinstance(response, StreamingHttpResponse)
    assert (response.status_code, response.getvalue()) == (200, CONTENT)


def test_nobody_is_sent_to_bytes_that_are_lost_and_the_next_push_brings_them(
    pusher: Client, repository: Repository, blob: Blob
) -> None:
    blob_store().delete(blob.storage_key)

    assert pusher.get(PATH).status_code == 404
    assert pusher.head(PATH).status_code == 404

    hold(repository, CONTENT)
    assert fetched(pusher.get(PATH)) == (200, CONTENT)


def test_the_address_is_good_for_one_blob_only(pusher: Client, repository: Repository) -> None:
    other = hold(repository, b"another")[0]
    location = pusher.get(PATH).headers["Location"]
    mine = blob_store_key()

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(location.replace(mine, other.storage_key), timeout=30)

    assert caught.value.code == 403
    caught.value.close()


def blob_store_key() -> str:
    return Blob.objects.get(pk=str(DIGEST)).storage_key

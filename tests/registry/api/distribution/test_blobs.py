"""Blobs over HTTP: parts, conditions, and bytes that are lost."""

from email import message_from_bytes
from pathlib import Path

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from artifacts.oci.digest import Digest
from registry.blobs.models import Blob, BlobLink
from registry.repositories.models import Repository
from tests.registry.builders import error_of, hold

CONTENT = bytes(range(256)) * 20
DIGEST = Digest.of(CONTENT)
PATH = f"/v2/acme/web/blobs/{DIGEST}"
TAG = f'"{DIGEST}"'


@pytest.fixture(autouse=True)
def blob(repository: Repository) -> Blob:
    return hold(repository, CONTENT)[0]


def body(response: object) -> bytes:
    assert isinstance(response, StreamingHttpResponse)
    return response.getvalue()


def test_a_blob_comes_whole_with_all_that_describes_it(pusher: Client) -> None:
    response = pusher.get(PATH)

    assert response.status_code == 200
    assert body(response) == CONTENT
    assert response.headers["Content-Length"] == str(len(CONTENT))
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Docker-Content-Digest"] == str(DIGEST)
    assert response.headers["ETag"] == TAG
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_head_says_the_same_and_sends_nothing(pusher: Client) -> None:
    head, get = pusher.head(PATH), pusher.get(PATH)

    body(get)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("Content-Length", "Content-Type", "Docker-Content-Digest", "ETag"):
        assert head.headers[name] == get.headers[name]


def test_one_part_says_which(pusher: Client) -> None:
    response = pusher.get(PATH, headers={"Range": "bytes=10-19"})

    assert response.status_code == 206
    assert body(response) == CONTENT[10:20]
    assert response.headers["Content-Range"] == f"bytes 10-19/{len(CONTENT)}"
    assert response.headers["Content-Length"] == "10"


def test_several_parts_come_as_one_message(pusher: Client) -> None:
    response = pusher.get(PATH, headers={"Range": "bytes=0-4,-5,100-199"})

    assert response.status_code == 206
    assert response.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    content = body(response)
    assert response.headers["Content-Length"] == str(len(content))
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    parts = list(message_from_bytes(head + content).walk())[1:]
    ranges = [f"bytes {span}/{len(CONTENT)}" for span in ("0-4", "5115-5119", "100-199")]
    assert [part["Content-Range"] for part in parts] == ranges
    separator = response.headers["Content-Type"].partition("boundary=")[2].encode()
    contents = [part.partition(b"\r\n\r\n")[2] for part in content.split(b"--" + separator)[1:-1]]
    expected = [CONTENT[0:5], CONTENT[-5:], CONTENT[100:200]]
    assert contents == [part + b"\r\n" for part in expected]


def test_a_part_beyond_the_end_says_how_long_the_blob_is(pusher: Client) -> None:
    response = pusher.get(PATH, headers={"Range": f"bytes={len(CONTENT)}-"})

    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        (TAG, 206),
        (f"W/{TAG}", 200),
        ('"other"', 200),
        (str(DIGEST), 200),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 200),
    ],
)
def test_if_range_asks_for_the_part_only_of_these_bytes(
    pusher: Client, if_range: str, status: int
) -> None:
    response = pusher.get(PATH, headers={"Range": "bytes=0-4", "If-Range": if_range})

    assert response.status_code == status
    body(response)


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (TAG, 304),
        (f"W/{TAG}", 304),
        ("*", 304),
        (f'"a", {TAG}', 304),
        (f'W/"a" ,{TAG},"b"', 304),
        ('"other"', 200),
        ('"*"', 200),
        (str(DIGEST), 200),
        ("", 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_holds_the_bytes_need_not_read_them(
    pusher: Client, method: str, condition: str, status: int
) -> None:
    response = pusher.generic(method, PATH, headers={"If-None-Match": condition})

    assert response.status_code == status
    assert response.headers["ETag"] == TAG
    if isinstance(response, StreamingHttpResponse):
        body(response)


def test_a_blob_is_seen_only_through_its_own_repository(
    pusher: Client, repository: Repository
) -> None:
    absent = f"/v2/acme/web/blobs/{Digest.of(b'absent')}"

    assert pusher.head(absent).status_code == 404
    assert error_of(pusher.get(absent).json())[0] == "BLOB_UNKNOWN"
    BlobLink.objects.filter(repository=repository).delete()
    assert error_of(pusher.get(PATH).json())[0] == "BLOB_UNKNOWN"


def test_lost_bytes_are_a_blob_unknown_until_a_push_brings_them_again(
    pusher: Client, repository: Repository, store_root: Path, blob: Blob
) -> None:
    (store_root / blob.storage_key).unlink()

    lost = pusher.get(PATH)
    assert lost.status_code == 404
    assert error_of(lost.json())[0] == "BLOB_UNKNOWN"
    assert pusher.head(PATH).status_code == 404

    hold(repository, CONTENT)
    assert body(pusher.get(PATH)) == CONTENT
    assert [p for p in (store_root / "blobs").rglob("*") if p.is_file()] == [
        store_root / Blob.objects.get().storage_key
    ]


def test_a_push_repairs_bytes_whose_loss_nobody_has_seen_yet(
    pusher: Client, repository: Repository, store_root: Path, blob: Blob
) -> None:
    (store_root / blob.storage_key).write_bytes(b"cut sh")

    hold(repository, CONTENT)

    assert body(pusher.get(PATH)) == CONTENT


def test_a_mount_and_a_manifest_do_not_take_a_blob_whose_bytes_are_lost(
    pusher: Client, store_root: Path, blob: Blob
) -> None:
    (store_root / blob.storage_key).unlink()
    pusher.get(PATH)

    mounted = pusher.post(f"/v2/acme/web/blobs/uploads/?mount={DIGEST}&from=acme/web")

    assert mounted.status_code == 202

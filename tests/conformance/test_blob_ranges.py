"""Section "Pulling blobs": the Range header, in accordance with RFC 9110 section 14."""

import email
from typing import cast

import pytest

from tests.conformance.client import Answer
from tests.conformance.conftest import Stocked
from tests.conformance.repository import Repository

LAST = 999  # The stocked blob holds 1000 bytes.

SATISFIABLE = [
    ("0-0", 0, 0),
    ("0-499", 0, 499),
    ("1-1", 1, 1),
    ("500-999", 500, 999),
    ("999-999", 999, 999),
    ("0-999", 0, 999),
    ("0-", 0, 999),
    ("500-", 500, 999),
    ("999-", 999, 999),
    ("-1", 999, 999),
    ("-500", 500, 999),
    ("-1000", 0, 999),
    ("-1001", 0, 999),
    ("-99999999999999999999", 0, 999),
    ("990-1000", 990, 999),
    ("990-5000", 990, 999),
    ("0-99999999999999999999", 0, 999),
    ("00000-00009", 0, 9),
]
UNSATISFIABLE = [
    "1000-",
    "1000-1000",
    "1001-2000",
    "5000-",
    "99999999999999999999-",
    "-0",
    "1000-,2000-",
]
MALFORMED = [
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=--5",
    "bytes=abc",
    "bytes=a-b",
    "bytes=0-b",
    "bytes=0",
    "bytes=1.5-3",
    "bytes=1e2-",
    "bytes=0x1-0x5",
    "bytes=+1-5",
    "bytes=-+5",
    "bytes=1_0-20",
    "bytes=0-4;10-14",
    "bytes=0-4-8",
    "bytes 0-4",
    "0-4",
    "=0-4",
    "bytes=\xb2-\xb3",
    "bytes=0-4\xa0",
    "bytes=0-4,x",
]
OTHER_UNITS = ["items=0-4", "seconds=1-2", "none", "bit=0-7"]


def get_range(stocked: Stocked, value: str) -> Answer:
    path = stocked.repository.blob(stocked.digest)
    return stocked.repository.client.get(path, headers=[("Range", value)])


@pytest.mark.parametrize(("spec", "first", "last"), SATISFIABLE)
def test_a_range_is_answered_with_its_part(
    spec: str, first: int, last: int, stocked: Stocked
) -> None:
    answer = get_range(stocked, f"bytes={spec}")

    assert answer.status == 206
    assert answer.body == stocked.blob[first : last + 1]
    assert answer.header("Content-Range") == f"bytes {first}-{last}/1000"
    assert answer.header("Content-Length") == str(last - first + 1)
    assert answer.header("Docker-Content-Digest") in {"", stocked.digest}


@pytest.mark.parametrize("spec", UNSATISFIABLE)
def test_a_range_beyond_the_end_cannot_be_satisfied(spec: str, stocked: Stocked) -> None:
    answer = get_range(stocked, f"bytes={spec}")

    assert answer.status == 416
    assert answer.header("Content-Range") == "bytes */1000"


@pytest.mark.parametrize("value", [*MALFORMED, *OTHER_UNITS])
def test_a_range_header_that_makes_no_sense_is_ignored(value: str, stocked: Stocked) -> None:
    answer = get_range(stocked, value)

    assert answer.status == 200
    assert answer.body == stocked.blob
    assert not answer.header("Content-Range")


@pytest.mark.parametrize("value", ["Bytes=0-4", "BYTES=0-4", "bytes=0-4 ", "bytes= 0-4"])
def test_a_range_written_unusually_gives_the_part_or_the_whole(
    value: str, stocked: Stocked
) -> None:
    answer = get_range(stocked, value)

    assert (answer.status, answer.body) in {(206, stocked.blob[:5]), (200, stocked.blob)}


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("0-0,-1", [(0, 0), (LAST, LAST)]),
        ("0-4,10-14", [(0, 4), (10, 14)]),
        ("0-4, 10-14", [(0, 4), (10, 14)]),
        ("0-4,,10-14", [(0, 4), (10, 14)]),
        ("500-,0-9", [(500, LAST), (0, 9)]),
        ("0-9,5-14", [(0, 9), (5, 14)]),
        ("0-4,2000-", [(0, 4)]),
        (",".join(["0-0"] * 200), [(0, 0)] * 200),
        (",".join(f"{n}-{n}" for n in range(0, 1000, 2)), [(n, n) for n in range(0, 1000, 2)]),
    ],
    ids=["ends", "two", "space", "empty", "backwards", "overlap", "half", "same", "many"],
)
def test_several_ranges_give_their_parts_or_the_whole(
    spec: str, parts: list[tuple[int, int]], stocked: Stocked
) -> None:
    """RFC 9110 sections 14.2 and 15.3.7.2: a server may ignore many or overlapping ranges."""
    answer = get_range(stocked, f"bytes={spec}")

    if answer.status == 200:
        assert answer.body == stocked.blob
        return
    assert answer.status == 206
    got = parts_of(answer)
    covered = {n for first, content in got for n in range(first, first + len(content))}
    assert covered >= {n for first, last in parts for n in range(first, last + 1)}
    for first, content in got:
        assert content == stocked.blob[first : first + len(content)]


def parts_of(answer: Answer) -> list[tuple[int, bytes]]:
    """First byte and content of each part of a 206."""
    kind = answer.header("Content-Type")
    if not kind.startswith("multipart/byteranges"):
        return [(first_byte(answer.header("Content-Range")), answer.body)]
    assert not answer.header("Content-Range")
    message = email.message_from_bytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + answer.body
    )
    return [
        (first_byte(part["Content-Range"]), cast("bytes", part.get_payload(decode=True)))
        for part in cast("list[email.message.Message]", message.get_payload())
    ]


def first_byte(content_range: str) -> int:
    unit, _, rest = content_range.partition(" ")
    assert unit == "bytes"
    assert rest.endswith("/1000")
    return int(rest.partition("-")[0])


@pytest.mark.parametrize("value", ["bytes=0-4", "bytes=5000-", "bytes=", "nonsense"])
def test_a_head_request_ignores_ranges(value: str, stocked: Stocked) -> None:
    path = stocked.repository.blob(stocked.digest)

    answer = stocked.repository.client.head(path, headers=[("Range", value)])

    assert answer.status == 200
    assert answer.header("Content-Length") == "1000"


@pytest.mark.parametrize("value", ["bytes=0-4", "bytes=99999999-"])
def test_a_range_of_a_manifest_gives_the_part_or_the_whole(value: str, stocked: Stocked) -> None:
    path = stocked.repository.manifest("v1")

    answer = stocked.repository.client.get(path, headers=[("Range", value)])

    if answer.status == 206:
        assert answer.body == stocked.image.body[:5]
    elif answer.status == 200:
        assert answer.body == stocked.image.body
    else:
        assert (answer.status, value) == (416, "bytes=99999999-")


@pytest.mark.parametrize("value", ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=5-"])
def test_a_range_of_the_empty_blob_never_breaks_the_connection(
    value: str, repository: Repository
) -> None:
    digest = repository.push_blob(b"")["digest"]

    answer = repository.client.get(repository.blob(digest), headers=[("Range", value)])

    if answer.status == 416:
        assert answer.header("Content-Range") == "bytes */0"
    else:
        assert (answer.status, answer.body) == (200, b"")


def test_a_download_is_resumed_where_it_broke(stocked: Stocked) -> None:
    """Section "Resumable Pull"; the last value is what regctl sends, one past the end."""
    for value in ("bytes=400-", "bytes=400-999", "bytes=400-1000"):
        assert stocked.blob[:400] + get_range(stocked, value).body == stocked.blob


def test_a_range_of_a_missing_blob_is_not_found(stocked: Stocked) -> None:
    path = stocked.repository.blob("sha256:" + "0" * 64)

    answer = stocked.repository.client.get(path, headers=[("Range", "bytes=0-4")])

    assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("{etag}", 206),
        ('"another"', 200),
        ("W/{etag}", 200),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 200),
        ("nonsense", 200),
        ("*", 200),
        ('""', 200),
    ],
)
def test_if_range_asks_for_the_part_only_while_nothing_changed(
    condition: str, status: int, stocked: Stocked
) -> None:
    """RFC 9110 section 13.1.5: only a strong validator that matches gives the part."""
    client, path = stocked.repository.client, stocked.repository.blob(stocked.digest)
    etag = client.head(path).header("ETag")

    headers = [("Range", "bytes=0-4"), ("If-Range", condition.format(etag=etag))]
    answer = client.get(path, headers=headers)

    assert answer.status == status
    assert answer.body == (stocked.blob[:5] if status == 206 else stocked.blob)


def test_a_range_that_ends_before_it_starts_is_ignored_or_refused(stocked: Stocked) -> None:
    """RFC 9110 section 14.2 leaves both open."""
    answer = get_range(stocked, "bytes=9-5")

    assert (answer.status, answer.body) == (200, stocked.blob) or answer.status == 416

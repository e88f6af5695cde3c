"""Section "Pushing a blob in chunks" (end-4c, end-5, end-6, end-13)."""

import pytest

from tests.conformance.client import Answer, in_pieces
from tests.conformance.content import digest_of, unique
from tests.conformance.repository import OCTETS, Repository, closing


def patch(
    repository: Repository, location: str, body: bytes | list[bytes], content_range: str = ""
) -> Answer:
    headers = [*OCTETS, *([("Content-Range", content_range)] if content_range else [])]
    return repository.client.patch(location, body=body, headers=headers)


def started(repository: Repository, content: bytes) -> str:
    """The location of a session that already holds ``content``."""
    answer = patch(repository, repository.open_upload(), content)
    assert answer.status == 202, answer
    return answer.header("Location")


def assert_out_of_order(answer: Answer, held: int) -> None:
    assert answer.status == 416
    assert answer.code == "BLOB_UPLOAD_INVALID"
    assert answer.header("Location")
    assert answer.header("Range") == f"0-{max(held - 1, 0)}"


def test_a_successful_chunk_answers_202_with_location_and_range(repository: Repository) -> None:
    answer = patch(repository, repository.open_upload(), unique(1000), "0-999")

    assert answer.status == 202
    assert answer.header("Location")
    assert answer.header("Range") == "0-999"


@pytest.mark.parametrize("last_by", ["PATCH", "PUT"])
@pytest.mark.parametrize("sizes", [[1, 1, 1], [1000, 1000, 500], [70_000, 1, 200_000], [500]])
def test_chunks_in_order_make_the_blob(
    sizes: list[int], last_by: str, repository: Repository
) -> None:
    content, location, start = unique(sum(sizes)), repository.open_upload(), 0
    *chunks, last = sizes if last_by == "PUT" else [*sizes, 0]

    for size in chunks:
        end = start + size
        answer = patch(repository, location, content[start:end], f"{start}-{end - 1}")
        assert (answer.status, answer.header("Range")) == (202, f"0-{end - 1}")
        location, start = answer.header("Location"), end
    headers = [*OCTETS, *([("Content-Range", f"{start}-{start + last - 1}")] if last else [])]
    path = closing(location, digest_of(content))
    closed = repository.client.put(path, body=content[start:], headers=headers)

    assert closed.status == 201
    assert repository.client.get(closed.header("Location")).body == content


def test_the_location_of_the_post_serves_for_the_whole_upload(repository: Repository) -> None:
    content, location = unique(300), repository.open_upload()

    for start in (0, 100, 200):
        chunk = content[start : start + 100]
        assert patch(repository, location, chunk, f"{start}-{start + 99}").status == 202

    assert repository.commit(location, digest_of(content)).status == 201


def test_a_stream_without_length_or_range_is_appended(repository: Repository) -> None:
    content = unique(300_000)

    answer = patch(repository, repository.open_upload(), in_pieces(content, 7001))

    assert (answer.status, answer.header("Range")) == (202, "0-299999")
    assert repository.commit(answer.header("Location"), digest_of(content)).status == 201
    assert repository.client.get(repository.blob(digest_of(content))).body == content


def test_patches_without_a_range_continue_where_the_last_ended(repository: Repository) -> None:
    content, location = unique(3000), repository.open_upload()

    for start in (0, 1000, 2000):
        assert patch(repository, location, content[start : start + 1000]).status == 202

    assert repository.commit(location, digest_of(content)).status == 201


def test_an_empty_patch_changes_nothing(repository: Repository) -> None:
    location = started(repository, unique(100))

    answer = patch(repository, location, b"")

    assert (answer.status, answer.header("Range")) == (202, "0-99")


@pytest.mark.parametrize("content_range", ["1-10", "5-14", "101-110", "99-108", "0-9", "50-59"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("held", [0, 100])
def test_a_chunk_out_of_order_answers_416_and_changes_nothing(
    held: int, method: str, content_range: str, repository: Repository
) -> None:
    if held == 0 and content_range == "0-9":
        content_range = "10-19"
    content = unique(110)
    location = started(repository, content[:held]) if held else repository.open_upload()
    target = location if method == "PATCH" else closing(location, digest_of(content))
    headers = [*OCTETS, ("Content-Range", content_range)]

    answer = repository.client.request(method, target, body=content[100:], headers=headers)

    assert_out_of_order(answer, held)
    assert repository.offset(location) == held
    assert repository.commit(location, digest_of(content), content[held:]).status == 201


def test_a_repeated_chunk_is_out_of_order(repository: Repository) -> None:
    location, chunk = repository.open_upload(), unique(100)
    assert patch(repository, location, chunk, "0-99").status == 202

    assert_out_of_order(patch(repository, location, chunk, "0-99"), 100)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    "content_range",
    ["100-104", "100-120", "100-100", "100-99", "100-99999999999999999999"],
)
def test_a_range_of_another_length_than_the_body_is_refused(
    content_range: str, method: str, writable: Repository
) -> None:
    """The body has ten bytes. Neither side may guess which of the two is meant."""
    content = unique(110)
    location = started(writable, content[:100])
    target = location if method == "PATCH" else closing(location, digest_of(content))
    headers = [*OCTETS, ("Content-Range", content_range)]

    answer = writable.client.request(method, target, body=content[100:], headers=headers)

    assert (answer.status, answer.code) == (400, "BLOB_UPLOAD_INVALID")
    assert writable.offset(location) == 100


@pytest.mark.parametrize(
    "content_range",
    [
        "abc",
        "-",
        "100-",
        "-109",
        "100",
        "a-b",
        "100-109-110",
        "-100--109",
        "1e2-109",
        "+100-109",
        "0x64-109",
        "100 - 109",
        "100-109,0-5",
        "¹-²",
        "100.0-109",
        "1_00-109",
        "*/110",
    ],
)
def test_a_content_range_that_breaks_the_grammar_is_refused(
    content_range: str, writable: Repository
) -> None:
    location = started(writable, unique(100))

    answer = patch(writable, location, unique(10), content_range)

    assert (answer.status, answer.code) == (400, "BLOB_UPLOAD_INVALID")
    assert writable.offset(location) == 100


@pytest.mark.parametrize("content_range", ["bytes 100-109/110", "bytes=100-109", "100-109/110"])
def test_a_content_range_with_a_unit_is_understood(
    content_range: str, writable: Repository
) -> None:
    location = started(writable, unique(100))

    answer = patch(writable, location, unique(10), content_range)

    assert answer.status == 202
    assert writable.offset(location) == 110


def test_the_status_of_a_session_is_204_with_location_and_range(repository: Repository) -> None:
    """end-13."""
    location = started(repository, unique(100))

    answer = repository.client.get(location)

    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("Location")
    assert answer.header("Range") == "0-99"


def test_the_status_of_an_empty_session(repository: Repository) -> None:
    answer = repository.client.get(repository.open_upload())

    assert (answer.status, answer.header("Range")) == (204, "0-0")


def test_the_status_leads_on_after_a_416(repository: Repository) -> None:
    content = unique(200)
    location = started(repository, content[:100])
    refused = patch(repository, location, content[150:], "150-199")
    status = repository.client.get(refused.header("Location"))

    answer = patch(repository, status.header("Location"), content[100:], "100-199")

    assert answer.status == 202
    assert repository.commit(location, digest_of(content)).status == 201


@pytest.mark.parametrize("minimum", [1, 100])
def test_the_last_chunk_may_have_any_length(minimum: int, repository: Repository) -> None:
    """``OCI-Chunk-Min-Length``, where it is announced, binds only the chunks before."""
    opened = repository.client.post(repository.uploads())
    announced = int(opened.header("OCI-Chunk-Min-Length") or minimum)
    content = unique(announced + 1)
    location = opened.header("Location")

    patch(repository, location, content[:announced], f"0-{announced - 1}")
    answer = patch(repository, location, content[announced:], f"{announced}-{announced}")

    assert answer.status == 202
    assert repository.commit(location, digest_of(content)).status == 201

"""Conditional requests: ETag, If-None-Match, If-Match, in accordance with RFC 9110 section 13."""

import re

import pytest

from tests.conformance.client import Answer
from tests.conformance.conftest import Stocked
from tests.conformance.content import OCI_MANIFEST, encode, unknown_digest
from tests.conformance.repository import Repository

FOUND = ["blob", "manifest by tag", "manifest by digest"]

MATCHING = [
    "{etag}",
    "W/{etag}",
    "*",
    '"other", {etag}',
    '"other",{etag}',
    '{etag}, "other"',
    '"a", "b" , W/{etag} , "c"',
    ', {etag}, ,"x"',
    'W/"other", {etag}',
    '"with, a comma", {etag}',
]
DIFFERENT = [
    '"other"',
    'W/"other"',
    '"a", "b", "c"',
    '""',
    '"*"',
    'W/"*"',
    '"{bare}x"',
    '"x{bare}"',
    "",
]
NONSENSE = ["{bare}", "w/{etag}", "{etag}x", '"unterminated', "\xff", ",", "* , *", "W/"]


def path_of(kind: str, stocked: Stocked) -> str:
    return {
        "blob": stocked.repository.blob(stocked.digest),
        "manifest by tag": stocked.repository.manifest(stocked.tag),
        "manifest by digest": stocked.repository.manifest(stocked.image.digest),
    }[kind]


def with_condition(
    stocked: Stocked, kind: str, method: str, condition: str, *, header: str = "If-None-Match"
) -> Answer:
    """Ask with a condition in which ``{etag}`` and ``{bare}`` stand for the current ETag."""
    client, path = stocked.repository.client, path_of(kind, stocked)
    etag = client.head(path).header("ETag")
    value = condition.format(etag=etag, bare=etag.strip('"'))
    return client.request(method, path, headers=[(header, value)])


@pytest.mark.parametrize("kind", FOUND)
def test_what_is_found_by_digest_has_a_strong_etag(kind: str, stocked: Stocked) -> None:
    path = path_of(kind, stocked)

    get = stocked.repository.client.get(path).header("ETag")
    head = stocked.repository.client.head(path).header("ETag")

    assert get == head
    assert re.fullmatch(r'"[^"]+"', get)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", FOUND)
@pytest.mark.parametrize("condition", MATCHING)
def test_what_the_client_already_has_is_not_sent_again(
    condition: str, kind: str, method: str, stocked: Stocked
) -> None:
    """Section 13.1.2: If-None-Match compares weakly."""
    answer = with_condition(stocked, kind, method, condition)

    assert (answer.status, answer.body) == (304, b"")
    assert answer.header("ETag")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", ["blob", "manifest by tag"])
@pytest.mark.parametrize("condition", DIFFERENT)
def test_what_the_client_does_not_have_is_sent(
    condition: str, kind: str, method: str, stocked: Stocked
) -> None:
    answer = with_condition(stocked, kind, method, condition)

    assert answer.status == 200
    assert answer.header("Docker-Content-Digest")


@pytest.mark.parametrize("kind", ["blob", "manifest by tag"])
@pytest.mark.parametrize("condition", NONSENSE)
def test_of_a_condition_that_makes_no_sense_only_the_tags_in_it_count(
    condition: str, kind: str, stocked: Stocked
) -> None:
    answer = with_condition(stocked, kind, "GET", condition)

    assert answer.status == (304 if "{etag}" in condition else 200)


@pytest.mark.parametrize("kind", ["blob", "manifest by tag"])
def test_several_header_lines_make_one_list(kind: str, stocked: Stocked) -> None:
    client, path = stocked.repository.client, path_of(kind, stocked)
    etag = client.head(path).header("ETag")

    answer = client.get(path, headers=[("If-None-Match", '"other"'), ("If-None-Match", etag)])

    assert answer.status == 304


def test_a_condition_comes_before_a_range(stocked: Stocked) -> None:
    """Section 13.2.2: precedence."""
    client, path = stocked.repository.client, stocked.repository.blob(stocked.digest)
    etag = client.head(path).header("ETag")

    answer = client.get(path, headers=[("If-None-Match", etag), ("Range", "bytes=0-4")])

    assert answer.status == 304


@pytest.mark.parametrize("condition", ["*", '"other"'])
def test_what_is_missing_is_not_found_whatever_the_condition(
    condition: str, stocked: Stocked
) -> None:
    client = stocked.repository.client

    for path in ("blobs", "manifests"):
        missing = stocked.repository.path(f"{path}/{unknown_digest()}")
        assert client.get(missing, headers=[("If-None-Match", condition)]).status == 404


def test_a_moved_tag_no_longer_matches(repository: Repository) -> None:
    repository.push_image("v1")
    path = repository.manifest("v1")
    etag = repository.client.head(path).header("ETag")
    moved = repository.push_image("v1")

    answer = repository.client.get(path, headers=[("If-None-Match", etag)])

    assert (answer.status, answer.body) == (200, moved.body)


@pytest.mark.parametrize(
    ("header", "condition", "status"),
    [
        ("If-Match", "{etag}", 201),
        ("If-Match", '"other", {etag}', 201),
        ("If-Match", "*", 201),
        ("If-Match", '"other"', 412),
        ("If-Match", "W/{etag}", 412),
        ("If-None-Match", "*", 412),
        ("If-None-Match", "{etag}", 412),
        ("If-None-Match", "W/{etag}", 412),
        ("If-None-Match", '"other"', 201),
    ],
)
def test_a_tag_moves_only_where_the_condition_holds(
    header: str, condition: str, status: int, repository: Repository
) -> None:
    """Section "Referrers Tag Schema": a conditional push avoids conflicts between clients."""
    before = repository.push_image("v1")
    path = repository.manifest("v1")
    etag = repository.client.head(path).header("ETag")
    body = encode(repository.image_document())

    headers = [("Content-Type", OCI_MANIFEST), (header, condition.format(etag=etag))]
    answer = repository.client.put(path, body=body, headers=headers)

    assert answer.status == status
    expected = body if status == 201 else before.body
    assert repository.client.get(path).body == expected


@pytest.mark.parametrize(
    ("header", "condition", "status"),
    [
        ("If-None-Match", "*", 201),
        ("If-None-Match", '"other"', 201),
        ("If-Match", "*", 412),
        ("If-Match", '"other"', 412),
    ],
)
def test_a_tag_is_created_only_where_the_condition_holds(
    header: str, condition: str, status: int, repository: Repository
) -> None:
    repository.push_image("other")
    body = encode(repository.image_document())

    headers = [("Content-Type", OCI_MANIFEST), (header, condition)]
    answer = repository.client.put(repository.manifest("new"), body=body, headers=headers)

    assert answer.status == status
    assert ("new" in repository.tags()) == (status == 201)


@pytest.mark.parametrize("condition", ["{etag}", "*"])
def test_if_match_on_a_read_lets_the_current_content_through(
    condition: str, stocked: Stocked
) -> None:
    assert with_condition(stocked, "blob", "GET", condition, header="If-Match").status == 200


def test_if_match_on_a_read_refuses_other_content(stocked: Stocked) -> None:
    answer = with_condition(stocked, "blob", "GET", '"other"', header="If-Match")

    assert answer.status == 412

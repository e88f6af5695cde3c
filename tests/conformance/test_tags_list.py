"""Section "Listing Tags" (end-8a, end-8b)."""

import pytest

from tests.conformance.client import Client, escaped, link
from tests.conformance.content import OCI_INDEX, index
from tests.conformance.repository import Repository

# Prefixes of one another, and neighbours in one order that are far apart in another.
TAGS = sorted(
    ["a", "a-b", "a.b", "a_b", "ab", "aB", "A", "B", "b", "1", "10", "2", "_", "Z", "z", "a-", "a."]
)


def tagged(repository: Repository, *tags: str) -> None:
    """One empty index under each tag."""
    for tag in tags:
        repository.push_manifest(index([]), tag, OCI_INDEX)


def walk(repository: Repository, path: str) -> list[str]:
    """All tags from a page on, by following Link."""
    found: list[str] = []
    for _ in range(100):
        answer = repository.client.get(path)
        assert answer.status == 200, answer
        found += answer.json()["tags"]
        path = link(answer)
        if not path:
            return found
    raise AssertionError("the pages do not end")


@pytest.fixture(scope="module")
def full(alice: Client) -> Repository:
    repository = Repository(alice, f"{alice.username}/tags-list")
    tagged(repository, *TAGS)
    return repository


def test_the_list_is_json_with_the_name_and_all_tags(full: Repository) -> None:
    answer = full.client.get(full.path("tags/list"))

    assert answer.status == 200
    assert answer.header("Content-Type").split(";")[0] == "application/json"
    assert answer.json() == {"name": full.name, "tags": TAGS}
    assert not link(answer)


def test_the_tags_are_in_lexical_or_asciibetical_order(full: Repository) -> None:
    tags = full.tags()

    assert tags in (sorted(tags), sorted(tags, key=str.lower))


def test_a_repository_without_tags_has_an_empty_list(repository: Repository) -> None:
    repository.push_image()

    assert repository.client.get(repository.path("tags/list")).json()["tags"] == []


def test_a_repository_that_does_not_exist_is_unknown(repository: Repository) -> None:
    answer = repository.client.get(repository.path("tags/list"))

    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 17, 18, 1000])
def test_n_limits_the_list_and_link_leads_through_the_rest(n: int, full: Repository) -> None:
    first = full.client.get(full.path(f"tags/list?n={n}"))

    assert first.json()["tags"] == TAGS[:n]
    assert bool(link(first)) == (n < len(TAGS))
    assert walk(full, full.path(f"tags/list?n={n}")) == TAGS


@pytest.mark.parametrize("last", TAGS)
@pytest.mark.parametrize("n", ["", "&n=2", "&n=100"])
def test_last_starts_after_the_tag_it_names(n: str, last: str, full: Repository) -> None:
    expected = TAGS[TAGS.index(last) + 1 :]

    tags = full.tags(f"?last={last}{n}")

    assert tags == (expected[:2] if n == "&n=2" else expected)


@pytest.mark.parametrize(
    "last", ["0", "a-a", "a0", "zz", "~", "", "AAAA", "\u00e9", "%", "a\0", "b b"]
)
def test_last_need_not_exist(last: str, full: Repository) -> None:
    answer = full.client.get(full.path(f"tags/list?last={escaped(last)}"))

    assert (answer.status, answer.json()["tags"]) == (200, [tag for tag in TAGS if tag > last])


@pytest.mark.parametrize("query", ["n=0", "n=0&last=a", "last=a&n=0", "n=00"])
def test_n_zero_gives_an_empty_list_without_link(query: str, full: Repository) -> None:
    answer = full.client.get(full.path(f"tags/list?{query}"))

    assert (answer.status, answer.json()) == (200, {"name": full.name, "tags": []})
    assert not answer.header("Link")


@pytest.mark.parametrize(
    "n",
    [
        "-1",
        "-0",
        "-1000000000000",
        "text",
        "1.5",
        "1e3",
        "0x10",
        "%2B5",
        "%205",
        "5%20",
        "1_0",
        "NaN",
        "null",
        "true",
        "%EF%BC%95",
        "%D9%A1",
        "%00",
        "1;2",
        "1,2",
        "[]",
        "'",
    ],
)
@pytest.mark.parametrize("path", ["tags/list", "catalog"])
def test_an_n_that_is_no_number_is_refused(path: str, n: str, full: Repository) -> None:
    target = full.path("tags/list") if path == "tags/list" else "/v2/_catalog"

    answer = full.client.get(f"{target}?n={n}")

    assert answer.status == 400


@pytest.mark.parametrize("n", ["1000000000000", "9" * 30, "2147483648", "9223372036854775808"])
def test_a_huge_n_is_cut_down(n: str, full: Repository) -> None:
    """CVE-2023-2253: nothing is allocated for what was asked."""
    assert full.tags(f"?n={n}") == TAGS


def test_an_n_of_thousands_of_digits_is_cut_down(full: Repository) -> None:
    assert full.tags(f"?n={'9' * 5000}") == TAGS


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("n=", 400),
        ("n&last", 400),
        ("n=2&n=3", 200),
        ("unknown=1", 200),
        ("&&&", 200),
        ("n=2&last=a&last=b", 200),
    ],
)
def test_an_odd_query_does_no_harm(query: str, status: int, full: Repository) -> None:
    answer = full.client.get(full.path(f"tags/list?{query}"))

    assert answer.status == status


@pytest.mark.parametrize("deleted", ["the last one seen", "the next", "one seen before"])
def test_pages_survive_deletes_between_them(deleted: str, repository: Repository) -> None:
    tagged(repository, "a", "b", "c", "d", "e")
    first = repository.client.get(repository.path("tags/list?n=2"))
    gone = {"the last one seen": "b", "the next": "c", "one seen before": "a"}[deleted]
    assert repository.client.delete(repository.manifest(gone)).status == 202

    rest = walk(repository, link(first))

    assert rest == [tag for tag in ("c", "d", "e") if tag != gone]


def test_pages_survive_pushes_between_them(repository: Repository) -> None:
    tagged(repository, "b", "d", "f")
    first = repository.client.get(repository.path("tags/list?n=1"))
    tagged(repository, "a", "c", "e")

    assert walk(repository, link(first)) == ["c", "d", "e", "f"]


def test_a_link_is_sent_exactly_while_there_is_more(repository: Repository) -> None:
    tagged(repository, "a", "b", "c", "d")

    second = repository.client.get(repository.path("tags/list?n=2&last=b"))

    assert second.json()["tags"] == ["c", "d"]
    assert not link(second)


def test_a_client_reads_what_it_wrote(repository: Repository) -> None:
    for n in range(10):
        tagged(repository, f"t{n}")
        assert f"t{n}" in repository.tags()
    for n in range(10):
        repository.client.delete(repository.manifest(f"t{n}"))
        assert f"t{n}" not in repository.tags()


def test_the_tags_of_repositories_do_not_mix(repository: Repository) -> None:
    nested = Repository(repository.client, f"{repository.name}/nested")
    tagged(repository, "outer")
    tagged(nested, "inner")

    assert (repository.tags(), nested.tags()) == (["outer"], ["inner"])


def test_the_link_keeps_only_what_pages_need(full: Repository) -> None:
    path = link(full.client.get(full.path("tags/list?n=2")))

    assert path.startswith(full.path("tags/list?"))
    assert len(path) < 300

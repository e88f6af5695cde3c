"""The manual, as the pages show it."""

import re
from itertools import pairwise

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from ui.manual.contents import ENTRIES, Entry

pytestmark = pytest.mark.django_db

OWN_HOST = "registry.local:8443"
ANCHOR = re.compile(r'<h[1-6] id="([^"]*)"')
LINK = re.compile(r'href="(/docs/[^"#]*)?(?:#([^"]*))?"')
EVERY_ENTRY = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


def show(entry: Entry) -> str:
    return read(reverse("ui:manual_page", kwargs={"name": entry.name}))


def read(url: str, *, secure: bool = False) -> str:
    answer = Client().get(url, secure=secure, headers={"host": OWN_HOST})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_contents_lead_to_every_page() -> None:
    text = read("/docs/")

    for entry in ENTRIES:
        assert f'href="/docs/{entry.name}"' in text


@EVERY_ENTRY
def test_a_page_names_this_registry_in_its_commands(entry: Entry) -> None:
    text = show(entry)

    if entry.names_host:
        assert "registry.example.com" not in text
        assert OWN_HOST in text or "registry.example.com" not in entry.path.read_text()


@EVERY_ENTRY
def test_headings_begin_with_the_title_and_skip_no_level(entry: Entry) -> None:
    article = show(entry).partition("<article")[2]

    levels = [int(level) for level in re.findall(r"<h([1-6])", article)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@EVERY_ENTRY
def test_every_link_leads_to_a_page_and_a_heading_that_exist(entry: Entry) -> None:
    text = show(entry)
    assert not re.search(r'href="[^"]*\.md', text)

    for path, anchor in LINK.findall(text):
        if anchor in {"", "main"}:
            continue
        target = read(path) if path else text
        assert anchor in ANCHOR.findall(target), f"{path}#{anchor}"


@EVERY_ENTRY
def test_no_two_things_on_a_page_have_the_same_id(entry: Entry) -> None:
    ids = re.findall(r'\bid="([^"]*)"', show(entry))

    assert len(ids) == len(set(ids))


def test_a_sample_is_copied_without_prompts() -> None:
    text = read("/docs/charts")

    assert f'data-copy="helm registry login {OWN_HOST} -u alice\nhelm package ./etherpad\n' in text


def test_pages_follow_each_other() -> None:
    seen, url = [], f"/docs/{ENTRIES[0].name}"
    while url:
        seen.append(url)
        found = re.search(r'href="([^"]+)" rel="next"', read(url))
        url = found[1] if found else ""

    assert seen == [f"/docs/{entry.name}" for entry in ENTRIES]


def test_the_scheme_is_the_one_by_which_the_registry_is_reached() -> None:
    plain, safe = (read("/docs/deploying", secure=secure) for secure in (False, True))

    assert f"http://{OWN_HOST}/helm/acme" in plain
    assert f"https://{OWN_HOST}/helm/acme" in safe
    assert "is reached without TLS" in plain
    assert "is reached without TLS" not in safe


def test_a_page_that_the_manual_does_not_have_is_missing() -> None:
    assert Client().get("/docs/patterns").status_code == 404


def test_the_manual_asks_the_database_nothing_for_a_visitor(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    Client().get("/docs/images")

    with django_assert_num_queries(0):
        Client().get("/docs/images")

"""The page of search."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.users.models import User
from artifacts.oci.digest import Digest
from registry.repositories.models import Repository
from registry.repositories.services import describe
from registry.rows.deadlines import TookTooLong
from tests.registry.builders import NOW, hold, image, make_repository, make_user, push
from tests.registry.charts.builders import push_chart
from tests.ui.browsing import browser
from ui import paging
from ui.search import pages

pytestmark = pytest.mark.django_db
DIGEST = Digest.of(image(b"{}", b"layer"))


@pytest.fixture
def web() -> Repository:
    repository = make_repository("acme/web-app")
    hold(repository, b"{}", b"layer")
    push(repository, image(b"{}", b"layer"), "v1.2")
    return repository


@pytest.fixture
def page(web: Repository) -> Client:
    return browser(User.objects.get(username="acme-owner"))


def text(client: Client, question: str) -> str:
    response = client.get("/search", {"q": question})
    assert response.status_code == 200
    return response.content.decode()


def test_each_thing_leads_to_its_page(page: Client, web: Repository) -> None:
    push_chart(web, "etherpad", "0.9.0")
    digest = Digest.of(image(b"{}", b"layer"))

    assert 'href="/acme/web-app"' in text(page, "app")
    assert 'href="/acme/web-app/-/tags/v1.2"' in text(page, "web-app:v1")
    assert f'href="/acme/web-app/-/manifests/{digest}"' in text(page, str(digest))
    assert 'href="/acme"' in text(page, "acm")
    assert "etherpad 0.9.0</a>" in text(page, "etherpad 0.9")


def test_a_pasted_address_is_understood(page: Client) -> None:
    assert 'href="/acme/web-app/-/tags/v1.2"' in text(page, "oci://testserver/acme/web-app:v1.2")


@pytest.mark.parametrize(
    ("typed", "page_url"),
    [
        ("/acme/web-app:v1.2", "/acme/web-app/-/tags/v1.2"),
        (f"/acme/web-app@{DIGEST}", f"/acme/web-app/-/manifests/{DIGEST}"),
        (f"/acme/web-app:v1.2@{DIGEST}", f"/acme/web-app/-/manifests/{DIGEST}"),
        ("/docs", "/docs/"),
        ("/login", "/account/login/"),
    ],
)
def test_an_address_that_people_type_leads_to_its_page(
    page: Client, typed: str, page_url: str
) -> None:
    assert page.get(typed)["Location"] == page_url


def test_what_was_asked_stays_in_the_field(page: Client) -> None:
    assert 'value="web:v1"' in text(page, " web:v1 ")


def test_strangers_are_told_of_nothing(web: Repository) -> None:
    for client in (browser(), browser(make_user("bob"))):
        assert 'href="/acme' not in text(client, "web")


def test_an_empty_question_says_what_is_found(page: Client) -> None:
    shown = text(page, " ")
    assert "Type into the search field above" in shown
    assert "any three letters of their name" in shown


@pytest.mark.parametrize(
    "question",
    [
        "<script>alert(1)</script>",
        "\x00",
        "a\x00b",
        "\u202e" * 400,
        "'\"--",
        "%_\\",
        ":" * 50,
        "🚢",
    ],
)
def test_odd_questions_are_text(page: Client, question: str) -> None:
    assert "<script>alert" not in text(page, question)


def test_the_page_costs_the_same_however_much_is_found(page: Client, web: Repository) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            text(page, "web")
        return len(captured)

    count()
    few = count()
    for number in range(8):
        more = make_repository(f"acme/web-{number}")
        hold(more, b"{}", now=NOW)
        push(more, image(b"{}"), "v1.2")
    assert count() == few


def suggested(client: Client, question: str) -> str:
    response = client.get("/search/suggestions", {"q": question})
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize(
    ("question", "address"),
    [
        ("eb-a", "/acme/web-app"),
        ("v1.", "/acme/web-app/-/tags/v1.2"),
        (str(DIGEST), f"/acme/web-app/-/manifests/{DIGEST}"),
        ("docker://testserver/acme/web-app:v1.2", "/acme/web-app/-/tags/v1.2"),
        (f"acme/web-app@{DIGEST}", f"/acme/web-app/-/manifests/{DIGEST}"),
        ("cme-own", "/acme-owner"),
        ("time machine", "/docs/expiry"),
        ("application token", "/settings/tokens"),
        ("new robot acme", "/acme/-/new-robot"),
        ("new repository acme", "/new/repository?namespace=acme"),
    ],
)
def test_what_is_typed_is_led_to_its_page(page: Client, question: str, address: str) -> None:
    assert f'href="{address}' in suggested(page, question)


def test_a_whole_reference_is_what_enter_means(page: Client) -> None:
    shown = suggested(page, "testserver:80/acme/web-app:v1.2")

    assert 'href="/acme/web-app/-/tags/v1.2" data-exact>' in shown


def test_nothing_else_is_what_enter_means(page: Client) -> None:
    assert "data-exact" not in suggested(page, "web")


@pytest.mark.parametrize("question", ["", " ", "w", "zzzz"])
def test_nothing_is_suggested_for_nothing(page: Client, question: str) -> None:
    assert suggested(page, question).strip() == ""


@pytest.mark.parametrize("question", ["web-app", "eb-ap", "acme/web-app:v1.2", str(DIGEST), "acme"])
def test_suggestions_tell_nobody_of_what_is_not_theirs(web: Repository, question: str) -> None:
    describe(repository=web, description="Serves the lighthouse", now=NOW)
    for client in (browser(), browser(make_user("bob"))):
        assert "/acme" not in suggested(client, question).replace("search?q", "")


def test_no_cache_keeps_suggestions(page: Client) -> None:
    response = page.get("/search/suggestions", {"q": "web"})

    assert response["Cache-Control"] == "private, no-store"


def test_a_search_that_takes_too_long_suggests_nothing(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "search", too_long)

    assert suggested(page, "web") == "\n"


def test_a_search_that_takes_too_long_is_told_as_such(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "search", too_long)

    assert page.get("/search", {"q": "web"}).status_code == 503


def too_long(*_: object, **__: object) -> None:
    raise TookTooLong


def test_suggestions_cost_the_same_however_much_is_found(page: Client, web: Repository) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            suggested(page, "web")
        return len(captured)

    count()
    few = count()
    for number in range(8):
        make_repository(f"acme/web-{number}")
    assert count() == few


@pytest.mark.parametrize(
    ("group", "question"),
    [
        ("repositories", "web"),
        ("tags", "v1"),
        ("charts", "ether"),
        ("manifests", str(Digest.of(b"{}"))),
    ],
)
def test_each_kind_of_result_has_pages(
    page: Client, monkeypatch: pytest.MonkeyPatch, group: str, question: str
) -> None:
    for number in range(2):
        more = make_repository(f"acme/web-{number}")
        hold(more, b"{}", b"layer")
        push(more, image(b"{}"), "v1.2")
        push_chart(more, "etherpad", "0.9.0")
    monkeypatch.setattr(paging, "PAGE_SIZE", 1)
    seen, address = [], f"/search?in={group}&q={question}"
    for _ in range(4):
        shown = page.get(address).context
        seen += [row.pk for row in shown["page"].rows]
        if not shown["page"].next_url:
            break
        address = f"/search{shown['page'].next_url}"

    assert len(seen) == len(set(seen)) >= 2


def test_an_organization_is_found_page_by_page_too(page: Client) -> None:
    assert 'href="/acme"' in page.get("/search?in=organizations&q=cme").content.decode()

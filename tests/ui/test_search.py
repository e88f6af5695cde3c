"""The page of search."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.users.models import User
from artifacts.oci.digest import Digest
from registry.repositories.models import Repository
from tests.registry.builders import NOW, hold, image, make_repository, make_user, push
from tests.registry.charts.builders import push_chart
from tests.ui.browsing import browser

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
        assert "Nothing begins like that" in text(client, "web")


def test_an_empty_question_says_what_is_found(page: Client) -> None:
    shown = text(page, " ")
    assert "Type into the field above" in shown
    assert "beginning of any word" in shown


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

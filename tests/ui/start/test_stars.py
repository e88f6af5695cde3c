"""Repositories that somebody starred: the button, the list, and what nobody else learns."""

import pytest

from accounts.users.models import User
from registry.repositories.models import Repository, Star
from registry.repositories.services import set_visibility, star
from tests.registry.builders import NOW, make_organization, make_repository, make_user
from tests.ui.browsing import browser
from tests.ui.start.test_start import count, filled, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def web() -> Repository:
    make_organization("acme")
    return filled("acme/web", is_public=True)


def test_a_star_is_given_on_the_page_of_the_repository(bob: User, web: Repository) -> None:
    client = browser(bob)
    assert 'name="star" value="on"' in text(client, "/acme/web")

    answer = client.post("/account/stars", {"repository": "acme/web", "star": "on"})

    assert answer.headers["Location"] == "/acme/web"
    assert list(Star.objects.values_list("user", "repository")) == [(bob.pk, web.pk)]
    assert 'name="star" value="off"' in text(client, "/acme/web")


def test_a_star_is_taken_back(bob: User, web: Repository) -> None:
    star(repository=web, user=bob)

    browser(bob).post("/account/stars", {"repository": "acme/web", "star": "off"})

    assert not Star.objects.exists()


def test_starred_repositories_are_on_the_first_page_and_in_a_list(
    bob: User, web: Repository
) -> None:
    filled("acme/other", is_public=True)
    star(repository=web, user=bob)
    client = browser(bob)

    home = client.get("/")

    assert [each.path for each in home.context["starred"]] == ["acme/web"]
    assert [row.repository.path for row in client.get("/account/stars").context["rows"]] == [
        "acme/web"
    ]


def test_stars_are_of_one_person(bob: User, web: Repository) -> None:
    star(repository=web, user=make_user("erin"))

    assert "No repository has a star of yours" in text(browser(bob), "/account/stars")
    assert 'name="star" value="on"' in text(browser(bob), "/acme/web")


def test_what_may_no_longer_be_read_is_no_longer_shown(bob: User, web: Repository) -> None:
    star(repository=web, user=bob)
    set_visibility(repository=web, is_public=False, now=NOW)

    assert "acme/web" not in text(browser(bob), "/account/stars")


@pytest.mark.parametrize("path", ["acme/secret", "acme/absent", "", "a\0b", "acme/web\n"])
def test_no_star_is_given_to_what_one_may_not_read(bob: User, web: Repository, path: str) -> None:
    make_repository("acme/secret")

    answer = browser(bob).post("/account/stars", {"repository": path, "star": "on"})

    assert answer.status_code == 404
    assert not Star.objects.exists()


def test_who_has_not_signed_in_has_no_stars(web: Repository) -> None:
    assert "/account/login/" in browser().get("/account/stars").headers["Location"]
    assert 'name="star"' not in text(browser(), "/acme/web")


def test_stars_cost_the_same_for_many(bob: User, web: Repository) -> None:
    star(repository=web, user=bob)
    client = browser(bob)
    few = count(client, "/account/stars"), count(client, "/")
    for number in range(7):
        star(repository=filled(f"acme/more-{number}", is_public=True), user=bob)

    assert (count(client, "/account/stars"), count(client, "/")) == few

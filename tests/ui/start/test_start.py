"""The first page, the public repositories, the organizations."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.organizations.models import TeamRole
from accounts.organizations.services import add_member, create_team
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository
from tests.registry.builders import (
    NOW,
    hold,
    image,
    make_organization,
    make_repository,
    make_user,
    push,
)
from tests.registry.charts.builders import push_chart
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def count(client: Client, path: str) -> int:
    text(client, path)
    with CaptureQueriesContext(connection) as captured:
        text(client, path)
    return len(captured)


def filled(path: str, *, is_public: bool = False) -> Repository:
    repository = make_repository(path, is_public=is_public)
    hold(repository, b"{}")
    push(repository, image(b"{}"))
    return repository


# --- The first page -----------------------------------------------------------------------------


def test_visitors_learn_what_this_is_and_what_to_type() -> None:
    shown = text(browser(), "/")

    assert "An OCI registry at" in shown
    assert "podman login testserver:80 --tls-verify=false" in shown
    assert "helm registry login testserver:80 --plain-http" in shown
    assert 'href="/account/login/"' in shown
    assert "Nothing is public here" in shown


def test_visitors_see_what_is_public_and_nothing_else(settings: Settings) -> None:
    filled("acme/open", is_public=True)
    filled("acme/hidden")
    delete_repository(repository=filled("acme/gone", is_public=True), now=NOW)

    shown = text(browser(), "/")
    assert 'href="/acme/open"' in shown
    assert "acme/hidden" not in shown
    assert "acme/gone" not in shown

    settings.FEATURE_ANONYMOUS_ACCESS = False
    assert "acme/open" not in text(browser(), "/")


@pytest.mark.parametrize("closed", [None, False])
def test_accounts_are_offered_only_where_they_can_be_made(
    settings: Settings, closed: bool | None
) -> None:
    settings.FEATURE_USER_CREATION = closed
    assert "Create account" not in text(browser(), "/")


def test_people_see_what_is_theirs(settings: Settings) -> None:
    bob = make_user("bob")
    filled("acme/hidden")
    shown = text(browser(bob), "/")
    assert "Quick start" in shown
    assert "acme" not in shown.replace("acme+", "")

    make_organization("crew", owner=bob)
    filled("crew/tool")
    shown = text(browser(bob), "/")
    assert 'href="/crew"' in shown
    assert 'href="/crew/tool"' in shown
    assert "Quick start" not in shown


@pytest.mark.parametrize("is_known", [True, False])
def test_the_first_page_costs_the_same_for_many_repositories(is_known: bool) -> None:
    bob = make_user("bob")
    make_organization("crew", owner=bob)
    client = browser(bob if is_known else None)
    filled("crew/one", is_public=True)
    few = count(client, "/")
    for number in range(9):
        filled(f"crew/more-{number}", is_public=True)
    assert count(client, "/") == few


# --- Explore ------------------------------------------------------------------------------------


def test_public_repositories_are_listed_the_last_pushed_first() -> None:
    filled("acme/open", is_public=True)
    newer = filled("acme/newer", is_public=True)
    filled("acme/hidden")
    Repository.objects.filter(pk=newer.pk).update(last_pushed_at=NOW + timedelta(days=1))

    shown = text(browser(make_user("bob")), "/explore")

    assert shown.index("/acme/newer") < shown.index("/acme/open")
    assert "acme/hidden" not in shown


def test_they_are_filtered_by_kind() -> None:
    filled("acme/picture", is_public=True)
    push_chart(make_repository("acme/etherpad", is_public=True))

    assert "/acme/picture" not in text(browser(), "/explore?kind=helm")
    assert "/acme/etherpad" in text(browser(), "/explore?kind=helm")
    assert "/acme/picture" in text(browser(), "/explore?kind=images")
    assert "No public repository holds this kind" in text(browser(), "/explore?kind=other")
    assert "/acme/picture" in text(browser(), "/explore?kind=nonsense")


def test_htmx_gets_the_list_alone() -> None:
    response = browser().get("/explore", headers={"HX-Request": "true"})
    assert "<html" not in response.content.decode()
    assert "HX-Request" in response.headers["Vary"]


def test_long_lists_go_on_page_by_page() -> None:
    for number in range(51):
        make_repository(f"acme/r{number:02}", is_public=True)
    client = browser()
    first = client.get("/explore")
    page = first.context["page"]
    assert len(page.rows) == 50

    second = client.get(f"/explore{page.next_url}")
    assert len(second.context["page"].rows) == 1
    assert not set(page.rows) & set(second.context["page"].rows)


def test_without_anonymous_access_one_signs_in_first(settings: Settings) -> None:
    settings.FEATURE_ANONYMOUS_ACCESS = False
    assert browser().get("/explore").status_code == 302
    assert browser(make_user("bob")).get("/explore").status_code == 200


def test_exploring_costs_the_same_for_many() -> None:
    filled("acme/one", is_public=True)
    few = count(browser(), "/explore")
    for number in range(20):
        filled(f"acme/more-{number}", is_public=True)
    assert count(browser(), "/explore") == few


# --- Organizations ------------------------------------------------------------------------------


def test_organizations_are_those_one_is_in_with_the_teams() -> None:
    bob = make_user("bob")
    crew = make_organization("crew")
    make_organization("strangers")
    team = create_team(organization=crew, name="readers", role=TeamRole.MEMBER, now=NOW)
    add_member(team=team, member=bob, now=NOW)

    shown = text(browser(bob), "/organizations")

    assert 'href="/crew"' in shown
    assert "You are in readers" in shown
    assert "strangers" not in shown
    assert "strangers" not in text(browser(bob), "/organizations?all=yes")


def test_superusers_may_see_all() -> None:
    make_organization("strangers")
    client = browser(make_user("chief", is_superuser=True))
    assert "strangers" not in text(client, "/organizations")
    assert "strangers" in text(client, "/organizations?all=yes")


def test_who_is_not_signed_in_has_no_organizations() -> None:
    assert browser().get("/organizations").status_code == 302


def test_organizations_cost_the_same_for_many() -> None:
    bob = make_user("bob")
    make_organization("crew", owner=bob)
    few = count(browser(bob), "/organizations")
    for number in range(20):
        make_organization(f"crew-{number}", owner=bob)
    assert count(browser(bob), "/organizations") == few

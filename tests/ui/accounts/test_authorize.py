"""The page on which a person lets a program in."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.credentials.applications import create_application, offer_token
from accounts.credentials.models import AccessToken, OAuthApplication
from accounts.users.models import User
from tests.registry.builders import NOW, PASSWORD, make_organization, make_user
from tests.ui.browsing import browser, proved

pytestmark = pytest.mark.django_db

PLACE = "https://app.example.com/done"


@pytest.fixture
def app() -> OAuthApplication:
    organization = make_organization("acme")
    made, _ = create_application(
        organization=organization, name="Deployer", redirect_uri=PLACE, now=NOW
    )
    return made


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def visitor(bob: User) -> Client:
    return browser(bob)


def query(app: OAuthApplication, **more: str) -> dict[str, str]:
    asked = {
        "response_type": "token",
        "client_id": app.client_id,
        "redirect_uri": PLACE,
        "scope": "repo:read",
        "state": "s",
    }
    return {**asked, **more}


def test_the_page_says_who_asks_for_what(visitor: Client, app: OAuthApplication) -> None:
    text = visitor.get("/oauth/authorize", query(app)).content.decode()

    assert "Let “Deployer” in?" in text
    assert "See and pull what you can pull" in text
    assert "app.example.com" in text


def test_the_form_may_lead_where_the_application_says(
    visitor: Client, app: OAuthApplication
) -> None:
    answer = visitor.get("/oauth/authorize", query(app))

    assert "https://app.example.com" in answer.headers["Content-Security-Policy"]


def test_who_has_not_signed_in_does_so_first(app: OAuthApplication) -> None:
    answer = browser().get("/oauth/authorize", query(app))

    assert answer.headers["Location"].startswith("/account/login/?next=%2Foauth%2Fauthorize")


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "NOBODY"},
        {"redirect_uri": "https://evil.example.com/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"scope": "everything"},
        {"scope": "super:user"},
        {"response_type": "password"},
        {"code_challenge": "x", "code_challenge_method": "plain"},
    ],
)
def test_what_cannot_be_leads_nowhere(
    visitor: Client, app: OAuthApplication, change: dict[str, str]
) -> None:
    asked = query(app, **change)
    proved(visitor, PASSWORD)
    answers = [visitor.get("/oauth/authorize", asked), visitor.post("/oauth/authorize", asked)]

    assert answers[0].status_code == 422
    assert answers[1].headers["Location"] == "/settings/tokens"
    assert not AccessToken.objects.exists()


def test_a_token_is_made_after_the_password_is_asked_for_again(
    visitor: Client, app: OAuthApplication
) -> None:
    answer = visitor.post("/oauth/authorize", query(app))

    assert "reauthenticate" in answer.headers["Location"]
    assert not AccessToken.objects.exists()


def test_a_person_who_agrees_is_led_back_with_a_token(
    visitor: Client, app: OAuthApplication
) -> None:
    proved(visitor, PASSWORD)
    place = urlsplit(visitor.post("/oauth/authorize", query(app)).headers["Location"])

    (token,) = AccessToken.objects.all()
    assert (place.netloc, place.path) == ("app.example.com", "/done")
    assert parse_qs(place.fragment)["state"] == ["s"]
    assert (str(token.user), token.application, token.scopes) == ("bob", app, "repo:read")


def test_a_person_who_agrees_is_led_back_with_a_code(
    visitor: Client, app: OAuthApplication
) -> None:
    proved(visitor, PASSWORD)
    asked = query(app, response_type="code")
    place = urlsplit(visitor.post("/oauth/authorize", asked).headers["Location"])

    assert set(parse_qs(place.query)) == {"code", "state"}
    assert not AccessToken.objects.exists()


def test_another_site_cannot_agree_for_a_person(bob: User, app: OAuthApplication) -> None:
    assert browser(bob, checks_csrf=True).post("/oauth/authorize", query(app)).status_code == 403


@pytest.fixture
def offered(app: OAuthApplication, bob: User) -> OAuthApplication:
    offer_token(
        application=app,
        user=bob,
        scope="repo:read",
        redirect_uri=PLACE,
        response_type="token",
        now=NOW,
    )
    return app


def test_what_a_program_asks_for_stands_among_the_tokens(
    visitor: Client, offered: OAuthApplication
) -> None:
    text = visitor.get("/settings/tokens").content.decode()

    assert "Programs that ask for a token" in text
    assert f"/oauth/authorize?client_id={offered.client_id}" in text


def test_who_declines_is_asked_no_more(visitor: Client, offered: OAuthApplication) -> None:
    visitor.post("/settings/tokens", {"decline": offered.client_id})

    assert "Programs that ask" not in visitor.get("/settings/tokens").content.decode()


def test_nobody_declines_for_others(visitor: Client, offered: OAuthApplication) -> None:
    browser(make_user("carol")).post("/settings/tokens", {"decline": offered.client_id})

    assert offered.offers.count() == 1

"""OAuth applications: secrets that are told once, tokens that can do no more than who made them,
and the ways by which people let programs in."""

import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from jwt.utils import base64url_encode

from accounts.audit.models import AuditEvent
from accounts.credentials.models import AccessToken, OAuthApplication
from accounts.credentials.services import fingerprint
from tests.registry.api.management.asking import EVERYTHING, ask, token
from tests.registry.builders import PASSWORD, make_organization, make_user

pytestmark = pytest.mark.django_db

ALL = "/organization/acme/applications"
PLACE = "https://app.example.com/done"


@pytest.fixture
def owner(db: None) -> Client:
    make_organization("acme")
    return Client(headers=token("acme-owner"), raise_request_exception=False)


@pytest.fixture
def app(owner: Client) -> dict[str, Any]:
    _, made = ask(owner, "POST", ALL, {"name": "app1", "redirect_uri": PLACE})
    return dict(made)


@pytest.fixture
def browser(owner: Client) -> Client:
    """Signed in to the API as the owner."""
    client = Client(raise_request_exception=False)
    csrf = client.get("/csrf_token").json()["csrf_token"]
    said = {"username": "acme-owner", "password": PASSWORD}
    answer = client.post(
        "/api/v1/signin", said, content_type="application/json", headers={"X-CSRF-Token": csrf}
    )
    client.defaults["token"] = answer.headers["X-Next-CSRF-Token"]
    return client


def authorize(client: Client, app: dict[str, Any], **more: str) -> Any:
    form = {
        "response_type": "token",
        "client_id": app["client_id"],
        "redirect_uri": "http://testserver:80/oauth/localapp",
        "scope": "repo:read org:admin",
        "_csrf_token": client.defaults.get("token", ""),
        **more,
    }
    content = urlencode(form)
    kind = "application/x-www-form-urlencoded"
    return client.post("/oauth/authorizeapp", content, content_type=kind)


def redeem(app: dict[str, Any], code: str, **more: str) -> Any:
    form = {
        "grant_type": "authorization_code",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "redirect_uri": PLACE,
        "code": code,
        **more,
    }
    kind = "application/x-www-form-urlencoded"
    return Client().post("/oauth/access_token", urlencode(form), content_type=kind)


def code_of(answer: Any) -> str:
    return str(parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0])


def test_a_secret_is_told_when_it_is_made_and_never_again(
    owner: Client, app: dict[str, Any]
) -> None:
    one = f"{ALL}/{app['client_id']}"
    _, reset = ask(owner, "POST", f"{one}/resetclientsecret")
    told = [ask(owner, "GET", one)[1], ask(owner, "GET", ALL)[1]["applications"][0]]

    assert app["client_secret"] != reset["client_secret"]
    assert [document["client_secret"] for document in told] == [None, None]
    assert reset["client_secret"] not in str(OAuthApplication.objects.values())


def test_an_application_is_changed_and_deleted(owner: Client, app: dict[str, Any]) -> None:
    one = f"{ALL}/{app['client_id']}"
    change = {"name": "app2", "redirect_uri": "", "application_uri": "", "avatar_email": "a@b.c"}

    assert ask(owner, "PUT", one, change)[1]["name"] == "app2"
    assert [ask(owner, "DELETE", one)[0] for _ in range(2)] == [204, 404]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"name": "  "},
        {"name": "a", "redirect_uri": "javascript:alert(1)"},
        {"name": "a", "redirect_uri": "https://a.example.com/#x"},
        {"name": "a", "redirect_uri": "https:///x"},
        {"name": "a", "application_uri": "app.example.com"},
    ],
)
def test_an_application_that_cannot_be_is_refused(owner: Client, said: dict[str, str]) -> None:
    assert ask(owner, "POST", ALL, said)[0] == 400


def test_an_application_of_another_organization_is_not_there(app: dict[str, Any]) -> None:
    make_organization("other")
    client = Client(headers=token("other-owner"), raise_request_exception=False)

    path = f"/organization/other/applications/{app['client_id']}"
    assert ask(client, "GET", path)[0] == 404


def test_a_token_of_an_application_acts_for_who_made_it(owner: Client, app: dict[str, Any]) -> None:
    said = {"name": "tok", "scope": "user:read", "expiration": 3600}
    _, made = ask(owner, "POST", f"{ALL}/{app['client_id']}/tokens", said)

    client = Client(headers={"Authorization": f"Bearer {made['token']}"})
    assert ask(client, "GET", "/user/")[1]["username"] == "acme-owner"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made["expires_at"])


def test_a_token_ends_with_its_application(owner: Client, app: dict[str, Any]) -> None:
    one = f"{ALL}/{app['client_id']}"
    _, made = ask(owner, "POST", f"{one}/tokens", {"name": "tok", "scope": "user:read"})
    ask(owner, "DELETE", one)

    client = Client(headers={"Authorization": f"Bearer {made['token']}"})
    assert ask(client, "GET", "/user/")[0] == 401


@pytest.mark.parametrize("scope", ["bogus", "", "super:user", "repo:read bogus"])
def test_a_scope_that_nobody_there_has_is_refused(
    owner: Client, app: dict[str, Any], scope: str
) -> None:
    said = {"name": "tok", "scope": scope}

    assert ask(owner, "POST", f"{ALL}/{app['client_id']}/tokens", said)[0] == 400


def test_a_token_makes_none_that_may_more_than_itself(app: dict[str, Any]) -> None:
    narrow = Client(headers=token("acme-owner", frozenset({"org:admin"})))
    path = f"{ALL}/{app['client_id']}/tokens"

    asked = [ask(narrow, "POST", path, {"name": "t", "scope": scope})[0] for scope in
             ("org:admin", "repo:read", "user:admin")]  # fmt: skip
    assert asked == [200, 400, 400]


def test_what_a_program_is_called_is_told_without_its_secrets(app: dict[str, Any]) -> None:
    make_user("bob")
    client = Client(headers=token("bob"))

    _, said = ask(client, "GET", f"/app/{app['client_id']}")
    assert (said["name"], said["organization"]["name"]) == ("app1", "acme")
    assert app["client_secret"] not in str(said)


def test_a_form_is_answered_with_a_token_in_the_address(
    browser: Client, app: dict[str, Any]
) -> None:
    answer = authorize(browser, app, state="s 1")

    place = urlsplit(answer.headers["Location"])
    given = parse_qs(place.fragment)
    client = Client(headers={"Authorization": f"Bearer {given['access_token'][0]}"})
    assert (answer.status_code, place.path) == (302, "/oauth/localapp")
    assert (given["token_type"], given["state"]) == (["Bearer"], ["s 1"])
    assert ask(client, "GET", "/organization/acme")[1]["is_admin"] is True
    assert ask(client, "GET", "/user/")[0] == 401  # not among its scopes


def test_who_asks_for_everything_is_given_what_the_person_has(
    browser: Client, app: dict[str, Any]
) -> None:
    answer = authorize(browser, app, scope="org:admin super:user user:read")

    place = urlsplit(answer.headers["Location"])
    secret = parse_qs(place.fragment)["access_token"][0]
    assert parse_qs(place.query)["scope"] == ["org:admin user:read"]
    assert AccessToken.objects.get(sha256=fingerprint(secret)).scopes == "org:admin user:read"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"_csrf_token": ""}, 403),
        ({"_csrf_token": "0" * 64}, 403),
        ({"redirect_uri": "https://evil.example.com/"}, 400),
        ({"redirect_uri": f"{PLACE}/more"}, 400),
        ({"redirect_uri": ""}, 400),
        ({"client_id": "NOBODY"}, 400),
        ({"scope": "bogus"}, 400),
        ({"scope": "super:user"}, 400),
        ({"response_type": "password"}, 400),
        ({"response_type": "code", "code_challenge": "x"}, 400),
    ],
)
def test_a_form_that_is_not_right_makes_no_token(
    browser: Client, app: dict[str, Any], change: dict[str, str], status: int
) -> None:
    before = AccessToken.objects.count()

    assert authorize(browser, app, **change).status_code == status
    assert AccessToken.objects.count() == before


def test_nobody_authorizes_without_a_session(app: dict[str, Any]) -> None:
    client = Client(headers=token("acme-owner"), raise_request_exception=False)

    assert authorize(client, app).status_code == 401


def test_a_code_buys_a_token_once(browser: Client, app: dict[str, Any]) -> None:
    code = code_of(authorize(browser, app, response_type="code", redirect_uri=PLACE))

    answers = [redeem(app, code) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert answers[0].json()["scope"] == "org:admin repo:read"


@pytest.mark.parametrize(
    "change",
    [
        {"client_secret": "wrong"},
        {"client_id": "NOBODY"},
        {"redirect_uri": "https://evil.example.com/"},
        {"grant_type": "password"},
    ],
)
def test_a_code_is_worth_nothing_to_others(
    browser: Client, app: dict[str, Any], change: dict[str, str]
) -> None:
    code = code_of(authorize(browser, app, response_type="code", redirect_uri=PLACE))

    assert redeem(app, code, **change).status_code == 400


@pytest.mark.parametrize(("verifier", "status"), [("v" * 43, 200), ("w" * 43, 400), ("", 400)])
def test_a_code_with_a_challenge_needs_its_answer(
    browser: Client, app: dict[str, Any], verifier: str, status: int
) -> None:
    challenge = base64url_encode(hashlib.sha256(b"v" * 43).digest()).decode()
    asked = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = code_of(authorize(browser, app, response_type="code", redirect_uri=PLACE, **asked))

    assert redeem(app, code, code_verifier=verifier).status_code == status


def test_a_person_sees_and_ends_what_programs_have(browser: Client, app: dict[str, Any]) -> None:
    authorize(browser, app)
    client = Client(headers=token("acme-owner", EVERYTHING))

    (one,) = ask(client, "GET", "/user/authorizations")[1]["authorizations"]
    path = f"/user/authorizations/{one['uuid']}"
    assert one["application"]["name"] == "app1"
    assert [scope["scope"] for scope in one["scopes"]] == ["org:admin", "repo:read"]
    assert [ask(client, "DELETE", path)[0] for _ in range(2)] == [204, 404]


def test_what_is_done_with_applications_is_written_down(owner: Client, app: dict[str, Any]) -> None:
    ask(owner, "DELETE", f"{ALL}/{app['client_id']}")

    events = AuditEvent.objects.filter(action__startswith="application.").order_by("id")
    assert list(events.values_list("action", "target")) == [
        ("application.create", "acme"),
        ("application.delete", "acme"),
    ]


# --- Offered to somebody else --------------------------------------------------------------------


def offer(client: Client, app: dict[str, Any], **more: str) -> Any:
    form = {
        "response_type": "token",
        "client_id": app["client_id"],
        "redirect_uri": PLACE,
        "scope": "repo:read",
        "username": "bob",
        "_csrf_token": client.defaults["token"],
        **more,
    }
    return client.post(f"/oauth/authorize/assignuser?{urlencode(form)}")


@pytest.fixture
def bob(db: None) -> Client:
    return Client(headers=token(make_user("bob")), raise_request_exception=False)


def offered(client: Client) -> list[dict[str, Any]]:
    return list(ask(client, "GET", "/user/assignedauthorization")[1]["authorizations"])


def test_who_is_asked_to_let_a_program_in_is_told_of_it(
    browser: Client, app: dict[str, Any], bob: Client
) -> None:
    assert offer(browser, app).status_code == 200

    (one,) = offered(bob)
    assert one["application"]["clientId"] == app["client_id"]
    assert one["redirectUri"] == PLACE
    assert one["responseType"] == "token"
    assert [scope["scope"] for scope in one["scopes"]] == ["repo:read"]


def test_an_offer_gives_nobody_a_token(browser: Client, app: dict[str, Any], bob: Client) -> None:
    before = AccessToken.objects.count()

    offer(browser, app)

    assert AccessToken.objects.count() == before


def test_a_program_asks_a_person_for_one_thing_at_a_time(
    browser: Client, app: dict[str, Any], bob: Client
) -> None:
    offer(browser, app)

    offer(browser, app, scope="org:admin")

    assert [one["scopes"][0]["scope"] for one in offered(bob)] == ["org:admin"]


def test_a_person_declines(browser: Client, app: dict[str, Any], bob: Client) -> None:
    offer(browser, app)
    path = f"/user/assignedauthorization/{offered(bob)[0]['uuid']}"

    assert [ask(bob, "DELETE", path)[0] for _ in range(2)] == [204, 404]


def test_who_lets_the_program_in_is_asked_no_more(browser: Client, app: dict[str, Any]) -> None:
    offer(browser, app, username="acme-owner")

    authorize(browser, app, redirect_uri=PLACE)

    assert not OAuthApplication.objects.get().offers.exists()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"username": "nobody"}, 400),
        ({"username": "nul\0"}, 400),
        ({"client_id": "NOBODY"}, 400),
        ({"redirect_uri": "https://evil.example.com/"}, 400),
        ({"scope": "everything"}, 400),
        ({"scope": "repo:read " * 50}, 400),
        ({"response_type": "password"}, 400),
        ({"_csrf_token": "guessed"}, 403),
    ],
)
def test_what_nobody_could_agree_to_is_not_offered(
    browser: Client, app: dict[str, Any], bob: Client, change: dict[str, str], status: int
) -> None:
    assert offer(browser, app, **change).status_code == status
    assert offered(bob) == []


def test_only_owners_offer_what_is_of_their_organization(
    browser: Client, app: dict[str, Any], bob: Client
) -> None:
    other = make_organization("other")
    OAuthApplication.objects.update(organization=other)

    assert offer(browser, app).status_code == 403
    assert offered(bob) == []


def test_who_did_not_sign_in_offers_nothing(app: dict[str, Any]) -> None:
    stranger = Client(raise_request_exception=False)
    stranger.defaults["token"] = "none"

    assert offer(stranger, app).status_code == 401

"""What holds for every route of ``/api/v1/``: addresses, bodies, errors, pages, logins."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.credentials.principals import ALL_SCOPES, ScopeUnknown, read_scopes
from accounts.organizations.models import Organization, Team
from accounts.users.models import User
from accounts.users.services import change_password, disable_user
from registry.api.management.paging import MOST
from registry.api.management.routes import ROUTES
from registry.repositories.models import Repository
from tests.registry.api.management.asking import ask, basic, token
from tests.registry.builders import (
    NOW,
    PASSWORD,
    bearer,
    make_repository,
    make_user,
    owner_of,
)

pytestmark = pytest.mark.django_db
ERROR_FIELDS = {
    "detail",
    "error_message",
    "message",
    "error_type",
    "title",
    "type",
    "status",
}
RIGHTS = {"anybody", "person", "superuser", "visitor", "member", "creator", "administrator"}
ACTIONS = {"pull", "push", "delete", "*"}


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web")


@pytest.fixture
def owner(web: Repository) -> Client:
    return Client(headers=token("acme-owner"), raise_request_exception=False)


def test_each_route_asks_for_a_right_and_a_scope_that_there_are() -> None:
    operations = [operation for route in ROUTES for operation in route.operations.values()]

    assert {operation.right for operation in operations} <= RIGHTS | ACTIONS
    assert {operation.scope for operation in operations} <= ALL_SCOPES | {""}
    assert len({operation.name for operation in operations}) == len(operations)


def test_each_route_of_a_repository_asks_for_a_right_in_it() -> None:
    for route in ROUTES:
        if route.path.startswith("repository/{name}"):
            assert {one.right for one in route.operations.values()} <= ACTIONS, route.name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("POST", "/nothing"),
        ("PUT", "/organization/acme/quota"),
        ("GET", "/organization/acme/proxycache"),
        ("GET", "/repository/acme/web/mirror"),
        ("DELETE", "/plans/"),
    ],
)
def test_a_route_that_there_is_not_is_404_in_json(owner: Client, method: str, path: str) -> None:
    status, answer = ask(owner, method, path)

    assert (status, answer["error_type"]) == (404, "not_found")
    assert set(answer) == ERROR_FIELDS


def test_a_method_that_there_is_not_is_405_in_json(owner: Client) -> None:
    answer = owner.patch("/api/v1/organization/acme")

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "PUT", "DELETE"}
    assert answer.json()["status"] == 405


@pytest.mark.parametrize("path", ["/user", "/organization/acme", "/repository/acme/web/tag"])
def test_a_slash_at_the_end_makes_no_difference(owner: Client, path: str) -> None:
    assert ask(owner, "GET", path) == ask(owner, "GET", f"{path}/")
    assert ask(owner, "GET", path)[0] == 200


def test_a_body_arrives_with_either_slash(owner: Client) -> None:
    assert ask(owner, "POST", "/organization", {"name": "one"})[0] == 201
    assert ask(owner, "POST", "/organization/", {"name": "two"})[0] == 201
    assert ask(owner, "PUT", "/organization/one/", {"email": "one@example.com"})[0] == 200


def test_an_encoded_slash_is_one(owner: Client) -> None:
    assert ask(owner, "GET", "/repository/acme%2Fweb")[1]["name"] == "web"
    assert ask(owner, "GET", "/repository/acme%2Fweb/tag/")[1]["tags"] == []
    assert ask(owner, "GET", "/repository/acme%2Fweb/permissions/user/")[0] == 200


@pytest.mark.parametrize(
    "name", ["x/tag", "x/permissions/user", "tag", "x/autoprunepolicy", "x/tag/v1", "manifest"]
)
def test_a_repository_whose_name_ends_as_a_route_does_is_reached(owner: Client, name: str) -> None:
    make_repository(f"acme/{name}")

    assert ask(owner, "GET", f"/repository/acme/{name}")[1]["name"] == name
    assert ask(owner, "GET", f"/repository/acme/{name}/tag/")[1]["tags"] == []
    assert ask(owner, "DELETE", f"/repository/acme/{name}")[0] == 204
    assert Repository.objects.filter(path=f"acme/{name}").exists() is False


def test_the_list_of_tags_is_reached_beside_a_repository_of_that_name(owner: Client) -> None:
    make_repository("acme/web/tag")

    assert ask(owner, "GET", "/repository/acme/web/tag/")[1]["tags"] == []
    assert ask(owner, "GET", "/repository/acme/web/tag")[1]["name"] == "web/tag"


def test_who_may_not_see_a_repository_of_that_name_gets_the_list(web: Repository) -> None:
    make_repository("acme/web/tag")
    web.is_public = True
    web.save()

    answer = Client().get("/api/v1/repository/acme/web/tag")

    assert answer.json()["tags"] == []


def test_a_tag_goes_before_a_repository_of_the_same_name(owner: Client) -> None:
    make_repository("acme/web/tag/v1")

    assert ask(owner, "DELETE", "/repository/acme/web/tag/v1")[0] == 404
    assert Repository.objects.filter(path="acme/web/tag/v1").exists()


# --- Bodies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "name is required"),
        ({"name": None}, "name is required"),
        ({"name": 3}, "name must be given as text"),
        ({"name": ""}, "name must not be empty"),
        ({"name": "a" * 300}, "name must have at most 255 characters"),
        ([], "send a JSON object"),
    ],
)
def test_a_body_that_is_none_is_told_why(owner: Client, document: object, reason: str) -> None:
    status, answer = ask(owner, "POST", "/organization/", document)

    assert (status, answer["error_type"]) == (400, "invalid_request")
    assert answer["message"] == answer["detail"] == answer["error_message"] == reason


def test_what_is_not_asked_for_is_overlooked_and_null_is_nothing(owner: Client) -> None:
    document: dict[str, object] = {
        "name": "one",
        "email": None,
        "recaptcha_response": 3,
        "colour": [],
    }

    assert ask(owner, "POST", "/organization/", document) == (201, "Created")


def test_blanks_and_line_ends_of_a_text_stay(owner: Client) -> None:
    text = "  # Élément\n\n* 1 \n"

    ask(owner, "PUT", "/repository/acme/web", {"description": text})

    assert ask(owner, "GET", "/repository/acme/web")[1]["description"] == text


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on"])
def test_a_parameter_says_yes_in_several_ways(owner: Client, value: str) -> None:
    assert ask(owner, "GET", f"/repository?public={value}")[0] == 200


# --- Pages --------------------------------------------------------------------------------------


def test_a_long_list_comes_in_pages(owner: Client) -> None:
    for short_name in ("a1", "b1", "c1"):
        ask(owner, "PUT", f"/organization/acme/robots/{short_name}")

    _, first = ask(owner, "GET", "/organization/acme/robots?limit=2")
    _, last = ask(owner, "GET", f"/organization/acme/robots?limit=2&next_page={first['next_page']}")

    assert [robot["name"] for robot in first["robots"]] == ["acme+a1", "acme+b1"]
    assert [robot["name"] for robot in last["robots"]] == ["acme+c1"]
    assert "next_page" not in last


def test_the_teams_of_an_organization_come_in_pages(owner: Client) -> None:
    acme = Organization.objects.get(namespace__name="acme")
    Team.objects.bulk_create(Team(organization=acme, name=f"team{n:03}") for n in range(MOST))

    _, first = ask(owner, "GET", "/organization/acme")
    _, last = ask(owner, "GET", f"/organization/acme?next_page={first['next_page']}")

    assert len(first["ordered_teams"]) == len(first["teams"]) == MOST
    assert last["ordered_teams"] == [f"team{MOST - 1:03}"]
    assert "next_page" not in last


@pytest.mark.parametrize("page", ["x", "%00", "WzFd", "W10", "bnVsbA", "%F0%9F%A6%80", "9" * 3000])
def test_a_page_that_this_list_has_not_given_is_refused(owner: Client, page: str) -> None:
    assert ask(owner, "GET", f"/organization/acme/robots?next_page={page}")[0] == 400


def test_a_page_of_another_list_is_refused(owner: Client) -> None:
    for short_name in ("a1", "b1"):
        ask(owner, "PUT", f"/organization/acme/robots/{short_name}")
    page = ask(owner, "GET", "/organization/acme/robots?limit=1")[1]["next_page"]

    assert ask(owner, "GET", f"/repository?public=true&next_page={page}")[0] == 400


# --- Logins -------------------------------------------------------------------------------------


def test_nobody_in_particular_is_401_with_a_way_to_log_in(web: Repository) -> None:
    answer = Client().get("/api/v1/user/")

    assert answer.status_code == 401
    assert set(answer.json()) == ERROR_FIELDS | {"session_required"}
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_token_may_do_what_its_scopes_say(web: Repository) -> None:
    client = Client(headers=token("acme-owner", read_scopes("repo:read org:admin")))

    assert ask(client, "GET", "/repository/acme/web")[0] == 200
    assert ask(client, "PUT", "/repository/acme/web", {"description": "x"})[0] == 403
    assert ask(client, "GET", "/organization/acme/robots")[0] == 200
    assert ask(client, "GET", "/user/")[0] == 401


def test_scopes_between_blanks_or_commas_imply_what_is_less() -> None:
    assert read_scopes("repo:admin") == {"repo:admin", "repo:write", "repo:read"}
    assert read_scopes("repo:read,org:admin repo:create") == {
        "repo:read",
        "org:admin",
        "repo:create",
    }


@pytest.mark.parametrize("text", ["", "repo", "repo:read admin", "\ud800", "repo:readx"])
def test_a_scope_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ScopeUnknown):
        read_scopes(text)


@pytest.mark.parametrize(
    ("scopes", "status"), [("org:admin", 401), ("repo:read", 200), ("repo:create", 401)]
)
def test_a_token_pulls_as_far_as_its_scopes_about_repositories(
    web: Repository, scopes: str, status: int
) -> None:
    secret = token("acme-owner", read_scopes(scopes))["Authorization"].partition(" ")[2]

    answer = Client().get("/v2/acme/web/tags/list", headers=basic("$app", secret))

    assert answer.status_code == status


def test_a_superuser_s_token_is_one_s_only_if_it_says_so(db: None) -> None:
    make_user("root1", is_superuser=True)
    without = Client(headers=token("root1", read_scopes("repo:admin org:admin user:read")))
    with_it = Client(headers=token("root1", read_scopes("super:user")))

    assert ask(without, "GET", "/superuser/users/")[0] == 403
    assert ask(without, "GET", "/user/")[1]["super_user"] is False
    assert ask(with_it, "GET", "/superuser/users/")[0] == 200


def test_a_token_of_the_registry_is_for_repositories_alone(web: Repository) -> None:
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    assert ask(client, "GET", "/repository/acme/web")[0] == 200
    for path in (
        "/user/",
        "/users/acme-owner",
        "/entities/acme",
        "/organization/acme",
        "/repository?public=true",
        "/find/repositories?query=web",
        "/find/all?query=web",
    ):
        assert ask(client, "GET", path)[0] == 403


# --- Sessions -----------------------------------------------------------------------------------


def sign_in(client: Client, name: str = "acme-owner", password: str = PASSWORD) -> Any:
    csrf = client.get("/csrf_token").json()["csrf_token"]
    return client.post(
        "/api/v1/signin",
        json.dumps({"username": name, "password": password}),
        "application/json",
        headers={"X-CSRF-Token": csrf},
    )


def test_a_person_signs_in_and_out(web: Repository) -> None:
    client = Client()

    answer = sign_in(client)
    following = {"X-CSRF-Token": answer.headers["X-Next-CSRF-Token"]}

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert client.get("/api/v1/user/").json()["username"] == "acme-owner"
    assert client.get("/csrf_token").json()["csrf_token"] == following["X-CSRF-Token"]
    made = client.post(
        "/api/v1/organization/", '{"name": "one"}', "application/json", headers=following
    )
    assert made.status_code == 201
    assert client.post("/api/v1/signout", headers=following).json() == {"success": True}
    assert client.get("/api/v1/user/").status_code == 401


def test_a_session_that_ended_is_none_for_who_kept_its_cookie(web: Repository) -> None:
    client = Client()
    following = {"X-CSRF-Token": sign_in(client).headers["X-Next-CSRF-Token"]}
    kept = client.cookies["berth_api"].value
    client.post("/api/v1/signout", headers=following)

    client.cookies["berth_api"] = kept

    assert client.get("/api/v1/user/").status_code == 401


def test_a_change_without_its_token_is_refused(web: Repository) -> None:
    client = Client()
    sign_in(client)

    answer = client.post("/api/v1/organization/", '{"name": "one"}', "application/json")

    assert answer.status_code == 403
    assert answer.json()["error"] == answer.json()["message"]
    assert not Organization.objects.filter(namespace__name="one").exists()


def test_signing_in_without_its_token_is_refused(web: Repository) -> None:
    document = json.dumps({"username": "acme-owner", "password": PASSWORD})

    answer = Client().post("/api/v1/signin", document, "application/json")

    assert answer.status_code == 403
    assert "berth_api" not in answer.cookies


def test_a_wrong_password_is_said_as_quay_says_it(web: Repository) -> None:
    answer = sign_in(Client(), password="wrong")

    assert answer.status_code == 403
    assert answer.json()["invalidCredentials"] is True
    assert answer.json()["needsEmailVerification"] is False


def test_a_session_ends_with_the_password_and_the_account(web: Repository) -> None:
    user = User.objects.get(username="acme-owner")
    client, other = Client(), Client()
    sign_in(client)

    change_password(user=user, password="another correct horse", now=NOW)
    assert client.get("/api/v1/user/").status_code == 401

    sign_in(other, password="another correct horse")
    disable_user(user=user, now=NOW)
    assert other.get("/api/v1/user/").status_code == 401


def test_the_session_of_the_api_opens_no_page(web: Repository, settings: Settings) -> None:
    client = Client()
    sign_in(client)
    client.cookies[settings.SESSION_COOKIE_NAME] = client.cookies["berth_api"].value

    assert client.get("/settings").status_code == 302


def test_the_session_of_the_pages_opens_no_route(web: Repository) -> None:
    client = Client()
    client.force_login(User.objects.get(username="acme-owner"))

    assert client.get("/api/v1/user/").status_code == 401


def test_somebody_with_a_token_as_password_does_not_sign_in(web: Repository) -> None:
    secret = token("acme-owner")["Authorization"].partition(" ")[2]

    assert sign_in(Client(), password=secret).status_code == 403


def test_lists_and_sessions_are_no_names_of_people(db: None) -> None:
    owner = make_user("alice")
    client = Client(headers=token(owner))

    assert ask(client, "POST", "/organization/", {"name": "csrf_token"})[0] == 400

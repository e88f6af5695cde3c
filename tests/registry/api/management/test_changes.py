"""What changes by ``/api/v1/``, seen where it counts."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.credentials.principals import read_scopes
from accounts.credentials.services import issue_application_token
from accounts.organizations.models import Organization, TeamInvitation, TeamMember
from accounts.users.models import Robot, User
from artifacts.oci.digest import Digest
from registry.api.management.content import permissions
from registry.api.management.paging import page_of
from registry.repositories.models import Repository, RepositoryGrant, Role, Star
from registry.repositories.services import grant
from registry.retention.selection import own_rules
from registry.tags.models import ImmutabilityRule
from tests.registry.api.management.asking import ask, basic, token
from tests.registry.builders import (
    NOW,
    descriptor,
    hold,
    image,
    make_organization,
    make_repository,
    make_robot,
    make_user,
    push,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web")


@pytest.fixture
def owner(web: Repository) -> Client:
    return Client(headers=token("acme-owner"), raise_request_exception=False)


# --- Organizations and teams --------------------------------------------------------------------


def test_who_makes_an_organization_owns_it() -> None:
    client = Client(headers=token(make_user("alice")))

    assert ask(client, "POST", "/organization/", {"name": "one"}) == (201, "Created")
    assert ask(client, "GET", "/organization/one")[1]["is_admin"] is True
    assert AuditEvent.objects.get(action="organization.create").actor == "alice"


def test_a_time_machine_that_is_not_offered_changes_nothing_else(owner: Client) -> None:
    document = {"email": "new@example.com", "tag_expiration_s": 12345}

    assert ask(owner, "PUT", "/organization/acme", document)[0] == 400
    assert Organization.objects.get().email == ""


def test_a_time_machine_is_chosen(owner: Client) -> None:
    _, answer = ask(owner, "PUT", "/organization/acme", {"tag_expiration_s": 604800})

    assert answer["tag_expiration_s"] == 604800


def test_an_organization_goes_with_its_repositories(owner: Client) -> None:
    assert ask(owner, "DELETE", "/organization/acme") == (204, None)
    assert not Repository.objects.filter(path="acme/web").exists()
    assert ask(owner, "GET", "/organization/acme")[0] == 404


def test_whoever_is_put_into_a_team_is_asked(owner: Client) -> None:
    make_user("bob")

    _, answer = ask(owner, "PUT", "/organization/acme/team/owners/members/bob")
    _, members = ask(owner, "GET", "/organization/acme/team/owners/members?includePending=true")

    assert answer["invited"] is True
    assert [(one["name"], one["invited"]) for one in members["members"]] == [
        ("acme-owner", False),
        ("bob", True),
    ]
    assert ask(owner, "DELETE", "/organization/acme/team/owners/members/bob")[0] == 204
    assert not TeamInvitation.objects.exists()


def test_where_nobody_is_asked_a_person_is_in_the_team_at_once(
    owner: Client, settings: Settings
) -> None:
    settings.FEATURE_REQUIRE_TEAM_INVITE = False
    make_user("bob")

    assert ask(owner, "PUT", "/organization/acme/team/owners/members/bob")[1]["invited"] is False
    assert TeamMember.objects.filter(user__username="bob").exists()


def test_who_is_in_a_team_already_is_said_so(owner: Client) -> None:
    status, answer = ask(owner, "PUT", "/organization/acme/team/owners/members/acme-owner")

    assert status == 400
    assert "already a member of" in answer["message"]


def test_the_last_owner_stays(owner: Client) -> None:
    for path in ("team/owners", "team/owners/members/acme-owner", "members/acme-owner"):
        assert ask(owner, "DELETE", f"/organization/acme/{path}")[0] == 400, path
    assert TeamMember.objects.count() == 1


def test_a_team_keeps_the_description_that_is_not_sent(owner: Client) -> None:
    ask(owner, "PUT", "/organization/acme/team/devs", {"role": "member", "description": "Devs"})

    _, answer = ask(owner, "PUT", "/organization/acme/team/devs", {"role": "creator"})

    assert (answer["description"], answer["role"], answer["new_team"]) == ("Devs", "creator", False)


def test_a_team_that_there_is_not_is_400_to_delete(owner: Client) -> None:
    assert ask(owner, "DELETE", "/organization/acme/team/nope")[0] == 400


def test_a_robot_of_others_gets_into_no_team(owner: Client) -> None:
    make_robot(make_organization("other"))

    status, answer = ask(owner, "PUT", "/organization/acme/team/owners/members/other+ci")

    assert (status, answer["message"]) == (400, "there is no robot 'other+ci'")


# --- Robots -------------------------------------------------------------------------------------


def test_a_robot_s_token_is_shown_once_and_logs_in(owner: Client) -> None:
    _, made = ask(owner, "PUT", "/organization/acme/robots/ci", {"description": "d"})
    _, again = ask(owner, "GET", "/organization/acme/robots/ci")

    assert again["token"] is None
    login = Client().get("/v2/auth", headers=basic("acme+ci", made["token"]))
    assert login.status_code == 200


def test_a_new_token_makes_the_old_one_worthless(owner: Client) -> None:
    _, made = ask(owner, "PUT", "/organization/acme/robots/ci")
    _, renewed = ask(owner, "POST", "/organization/acme/robots/ci/regenerate")

    logins = [
        Client().get("/v2/auth", headers=basic("acme+ci", secret)).status_code
        for secret in (made["token"], renewed["token"])
    ]
    assert logins == [401, 200]


def test_a_robot_that_is_there_is_said_so_and_keeps_its_token(owner: Client) -> None:
    _, made = ask(owner, "PUT", "/organization/acme/robots/ci")

    status, answer = ask(owner, "PUT", "/organization/acme/robots/ci")

    assert (status, answer["message"]) == (400, "Existing robot with name: acme+ci")
    login = Client().get("/v2/auth", headers=basic("acme+ci", made["token"]))
    assert login.status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_robot_that_there_is_not_is_400(owner: Client, method: str) -> None:
    assert ask(owner, method, "/organization/acme/robots/none")[0] == 400


def test_robots_of_a_person_are_theirs_alone(web: Repository) -> None:
    alice, bob = (Client(headers=token(make_user(name))) for name in ("alice", "bob1"))
    ask(alice, "PUT", "/user/robots/ci")

    assert Robot.objects.get().name == "alice+ci"
    assert ask(bob, "GET", "/user/robots")[1]["robots"] == []
    assert ask(bob, "DELETE", "/user/robots/ci")[0] == 400


# --- Repositories and rights --------------------------------------------------------------------

NEW = {"namespace": "acme", "repository": "new", "visibility": "private", "description": "x"}


def test_a_repository_is_made_by_who_may(owner: Client) -> None:
    make_user("stranger")

    assert ask(Client(headers=token("stranger")), "POST", "/repository", NEW)[0] == 403
    assert not Repository.objects.filter(path="acme/new").exists()
    assert ask(owner, "POST", "/repository", NEW)[0] == 201
    assert Repository.objects.get(path="acme/new").is_public is False


def test_a_token_to_create_is_enough_to_create(web: Repository) -> None:
    client = Client(headers=token("acme-owner", read_scopes("repo:create")))

    assert ask(client, "POST", "/repository", NEW)[0] == 201


def test_a_repository_that_is_there_is_said_so(owner: Client) -> None:
    status, answer = ask(owner, "POST", "/repository", {**NEW, "repository": "web"})

    assert (status, answer["error_message"]) == (400, "Repository already exists")


def test_a_repository_may_be_in_the_namespace_of_who_calls(owner: Client) -> None:
    document = {"repository": "x/y", "visibility": "public", "description": ""}

    _, answer = ask(owner, "POST", "/repository", document)

    assert answer == {"namespace": "acme-owner", "name": "x/y", "kind": "image"}


def test_only_what_the_caller_may_read_is_listed(owner: Client) -> None:
    make_repository("acme/open", is_public=True)
    stranger = Client(headers=token(make_user("stranger")))

    names = [
        [one["name"] for one in ask(client, "GET", "/repository?namespace=acme")[1]["repositories"]]
        for client in (owner, stranger, Client())
    ]

    assert names == [["open", "web"], ["open"], ["open"]]


def test_a_list_of_repositories_is_turned_page_by_page(owner: Client) -> None:
    for number in range(105):
        Repository.objects.create(
            namespace=Organization.objects.get().namespace,
            name=f"r{number:03}",
            path=f"acme/r{number:03}",
            created_at=NOW,
            last_pushed_at=NOW,
        )

    _, first = ask(owner, "GET", "/repository?namespace=acme")
    _, rest = ask(owner, "GET", f"/repository?namespace=acme&next_page={first['next_page']}")

    names = [one["name"] for one in first["repositories"] + rest["repositories"]]
    assert names == [*(f"r{number:03}" for number in range(105)), "web"]


def test_an_empty_repository_was_never_modified(owner: Client, web: Repository) -> None:
    query = "/repository?namespace=acme&last_modified=true"
    assert ask(owner, "GET", query)[1]["repositories"][0]["last_modified"] is None

    Repository.objects.update(kind="image")

    modified = ask(owner, "GET", query)[1]["repositories"][0]["last_modified"]
    assert modified == int(NOW.timestamp())


def test_a_role_is_given_changed_and_taken(owner: Client, web: Repository) -> None:
    make_user("bob")
    path = "/repository/acme/web/permissions/user/bob"

    ask(owner, "PUT", path, {"role": "read"})
    ask(owner, "PUT", path, {"role": "write"})

    assert RepositoryGrant.objects.get(user__username="bob").role == "write"
    assert ask(owner, "DELETE", path)[0] == 204
    status, answer = ask(owner, "DELETE", path)
    assert status == 400
    assert "User does not have permission for repo" in answer["message"]


@pytest.fixture
def alice() -> Client:
    """Somebody with a repository of her own, ``alice/web``, in which bob may read."""
    person = make_user("alice")
    own = make_repository("alice/web")
    grant(repository=own, role=Role.READ, holder=make_user("bob"), now=NOW)
    return Client(headers=token(person), raise_request_exception=False)


OWN = "/repository/alice/web/permissions/user/"


def test_who_has_a_repository_of_their_own_stands_among_its_permissions(alice: Client) -> None:
    _, answer = ask(alice, "GET", OWN)

    roles = {name: document["role"] for name, document in answer["permissions"].items()}
    assert roles == {"alice": "admin", "bob": "read"}


def test_one_asks_for_the_permission_of_an_owner(alice: Client) -> None:
    _, listed = ask(alice, "GET", OWN)

    assert ask(alice, "GET", f"{OWN}alice") == (200, listed["permissions"]["alice"])


def test_a_role_that_an_owner_was_given_once_is_not_told(alice: Client) -> None:
    own = Repository.objects.get(path="alice/web")
    grant(repository=own, role=Role.READ, holder=User.objects.get(username="alice"), now=NOW)

    assert ask(alice, "GET", OWN)[1]["permissions"]["alice"]["role"] == "admin"


def test_an_owner_stands_on_the_first_page_alone(
    alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Repository.objects.get(path="alice/web")
    grant(repository=own, role=Role.READ, holder=make_user("carol"), now=NOW)
    monkeypatch.setattr(permissions, "page_of", partial(page_of, size=1))
    _, first = ask(alice, "GET", OWN)

    _, second = ask(alice, "GET", f"{OWN}?next_page={first['next_page']}")

    assert (list(first["permissions"]), list(second["permissions"])) == (
        ["alice", "bob"],
        ["carol"],
    )


@pytest.mark.parametrize(("method", "body"), [("PUT", {"role": "read"}), ("DELETE", None)])
def test_an_owner_is_given_no_role_and_loses_none(
    alice: Client, method: str, body: dict[str, str] | None
) -> None:
    status, answer = ask(alice, method, f"{OWN}alice", body)

    assert (status, answer["message"]) == (
        400,
        "alice owns alice/web, and so always administers it",
    )


def test_a_role_by_a_team_is_told_as_transitive(owner: Client, web: Repository) -> None:
    path = "/repository/acme/web/permissions/user/acme-owner/transitive"

    assert ask(owner, "GET", path)[1] == {"permissions": [{"role": "admin"}]}


def test_a_state_that_there_is_not_is_refused(owner: Client) -> None:
    path = "/repository/acme/web/changestate"

    for state in ("MIRROR", "read_only", "", None):
        assert ask(owner, "PUT", path, {"state": state})[0] == 400
    assert ask(owner, "GET", "/repository/acme/web")[1]["state"] == "NORMAL"


def test_a_repository_is_read_only_until_it_is_not(owner: Client) -> None:
    path = "/repository/acme/web/changestate"

    for state in ("READ_ONLY", "READ_ONLY", "NORMAL"):
        assert ask(owner, "PUT", path, {"state": state}) == (200, {"success": True})
        document = ask(owner, "GET", "/repository/acme/web")[1]
        assert (document["state"], document["can_write"]) == (state, True)
        (listed,) = ask(owner, "GET", "/repository?namespace=acme")[1]["repositories"]
        assert listed["state"] == state


def test_who_only_writes_does_not_make_a_repository_read_only(web: Repository) -> None:
    grant(repository=web, role=Role.WRITE, holder=make_user("bob"), now=NOW)
    bob = Client(headers=token("bob"))

    answer = ask(bob, "PUT", "/repository/acme/web/changestate", {"state": "READ_ONLY"})

    assert answer[0] == 403
    assert not Repository.objects.get().is_read_only


def test_a_star_is_of_one_person(owner: Client, web: Repository) -> None:
    document = {"namespace": "acme", "repository": "web"}
    stranger = Client(headers=token(make_user("stranger")))

    assert ask(owner, "POST", "/user/starred", document)[0] == 201
    assert ask(owner, "GET", "/repository/acme/web")[1]["is_starred"] is True
    assert ask(stranger, "POST", "/user/starred", document)[0] == 404
    assert ask(owner, "DELETE", "/user/starred/acme/web")[0] == 204
    assert not Star.objects.exists()


def test_what_new_repositories_grant_is_set_changed_and_taken(owner: Client) -> None:
    path = "/organization/acme/prototypes"
    delegate = {"name": "owners", "kind": "team"}
    _, made = ask(owner, "POST", path, {"role": "read", "delegate": delegate})

    _, changed = ask(owner, "PUT", f"{path}/{made['id']}", {"role": "write"})

    assert (changed["id"], changed["role"]) == (made["id"], "write")
    assert ask(owner, "DELETE", f"{path}/{made['id']}")[0] == 204
    assert ask(owner, "DELETE", f"{path}/{made['id']}")[0] == 404


def test_a_prototype_of_others_is_not_there(owner: Client) -> None:
    other = make_organization("other")
    client = Client(headers=token("other-owner"))
    delegate = {"name": "owners", "kind": "team"}
    document = {"role": "read", "delegate": delegate}
    _, made = ask(client, "POST", "/organization/other/prototypes", document)

    assert ask(owner, "DELETE", f"/organization/acme/prototypes/{made['id']}")[0] == 404
    assert other.default_permissions.count() == 1


# --- Rules, content, people ---------------------------------------------------------------------


def test_rules_keep_their_ids_while_others_come_and_go(owner: Client, web: Repository) -> None:
    path = "/repository/acme/web/autoprunepolicy"
    _, first = ask(owner, "POST", path, {"method": "number_of_tags", "value": 10})
    _, second = ask(owner, "POST", path, {"method": "creation_date", "value": "5d"})

    assert ask(owner, "DELETE", f"{path}/{first['uuid']}") == (200, first)
    change = {"method": "last_pull", "value": "7d"}
    assert ask(owner, "PUT", f"{path}/{second['uuid']}", change)[0] == 204

    assert [str(rule) for rule in own_rules(web)] == ["remove all tags that nobody pulled for 1w"]


def test_a_rule_for_immutable_tags_is_changed(owner: Client, web: Repository) -> None:
    path = "/repository/acme/web/immutabilitypolicy/"
    _, made = ask(owner, "POST", path, {"tagPattern": "^v"})

    ask(owner, "PUT", f"{path}{made['uuid']}", {"tagPattern": "^r", "tagPatternMatches": False})

    assert ImmutabilityRule.objects.get().sentence == "all tags but /^r/"
    assert ask(owner, "PUT", f"{path}{made['uuid']}", {"tagPattern": "("})[0] == 400


def test_a_manifest_is_told_with_its_layers(owner: Client, web: Repository) -> None:
    config = (
        b'{"history": [{"created": "2026-01-02T03:04:05Z", "created_by": "COPY x", "author": "me"},'
        b' {"created_by": "CMD", "empty_layer": true}], "config": {"Labels": {"team": "x"}}}'
    )
    hold(web, config, b"layer")
    body = image(config, b"layer")
    now = datetime.now(UTC)
    push(web, body, now=now)

    path = f"/repository/acme/web/manifest/{Digest.of(body)}"
    _, answer = ask(owner, "GET", path)
    _, labels = ask(owner, "GET", f"{path}/labels?filter=te")

    assert answer["manifest_data"] == body.decode()
    assert answer["layers_compressed_size"] == len(b"layer")
    assert answer["layers"] == [
        {
            "index": 0,
            "compressed_size": 5,
            "is_remote": False,
            "urls": None,
            "command": ["COPY x"],
            "comment": None,
            "author": "me",
            "blob_digest": descriptor(b"layer")["digest"],
            "created_datetime": "Fri, 02 Jan 2026 03:04:05 -0000",
        }
    ]
    assert [(one["key"], one["value"]) for one in labels["labels"]] == [("team", "x")]


def test_tags_are_found_by_a_part_of_their_names(owner: Client, web: Repository) -> None:
    hold(web, b"{}")
    push(web, image(b"{}"), "v1", tags=("v2", "latest"))

    def names(query: str) -> list[str]:
        _, answer = ask(owner, "GET", f"/repository/acme/web/tag/?filter_tag_name={query}")
        return sorted(one["name"] for one in answer["tags"])

    assert names("like:v") == ["v1", "v2"]
    assert names("eq:v1") == ["v1"]
    assert names("like:_") == []
    assert ask(owner, "GET", "/repository/acme/web/tag/?filter_tag_name=v1")[0] == 400


def test_a_tag_may_be_called_tag(owner: Client, web: Repository) -> None:
    hold(web, b"{}")
    push(web, image(b"{}"), "tag", now=datetime.now(UTC))

    assert ask(owner, "DELETE", "/repository/acme/web/tag/tag") == (204, None)
    assert ask(owner, "GET", "/repository/acme/web/tag/?onlyActiveTags=true")[1]["tags"] == []


def test_people_are_found_by_the_beginning_of_a_name_only_in_common_organizations(
    owner: Client,
) -> None:
    make_user("acme-stranger")

    def names(prefix: str) -> list[str]:
        return [one["name"] for one in ask(owner, "GET", f"/entities/{prefix}")[1]["results"]]

    assert names("acme-") == ["acme-owner"]
    assert names("acme-stranger") == ["acme-stranger"]


def test_an_application_token_is_no_more_than_the_one_it_was_made_with(web: Repository) -> None:
    user = User.objects.get(username="acme-owner")
    reader = Client(headers=token(user, read_scopes("user:admin repo:read")))
    nothing = Client(headers=token(user, read_scopes("user:admin")))

    assert ask(nothing, "POST", "/user/apptoken", {"title": "x"})[0] == 403
    assert ask(reader, "POST", "/user/apptoken", {"title": "x"})[0] == 200
    assert user.tokens.latest("pk").scope == "read"


def test_an_application_token_ends_with_the_one_it_was_made_with(web: Repository) -> None:
    user = User.objects.get(username="acme-owner")
    end = timezone.now() + timedelta(hours=1)
    secret = issue_application_token(user=user, title="t", expires_at=end, now=timezone.now())

    client = Client(headers={"Authorization": f"Bearer {secret}"})

    ask(client, "POST", "/user/apptoken", {"title": "x"})

    assert user.tokens.latest("pk").expires_at == end


def test_a_token_of_others_is_not_there(owner: Client) -> None:
    _, made = ask(owner, "POST", "/user/apptoken", {"title": "x"})
    stranger = Client(headers=token(make_user("stranger")))

    assert ask(stranger, "DELETE", f"/user/apptoken/{made['token']['uuid']}")[0] == 404
    assert ask(owner, "DELETE", f"/user/apptoken/{made['token']['uuid']}")[0] == 204


def test_a_superuser_makes_switches_off_and_deletes_people() -> None:
    admin = Client(headers=token(make_user("root1", is_superuser=True)))
    _, made = ask(admin, "POST", "/superuser/users/", {"username": "bob", "email": "b@x.org"})

    login = Client().get("/v2/auth", headers=basic("bob", made["password"]))
    assert login.status_code == 200
    assert ask(admin, "PUT", "/superuser/users/bob", {"enabled": False})[1]["enabled"] is False
    assert Client().get("/v2/auth", headers=basic("bob", made["password"])).status_code == 403
    assert ask(admin, "DELETE", "/superuser/users/bob")[0] == 204
    assert ask(admin, "GET", "/superuser/users/bob")[0] == 404


def test_an_organization_keeps_its_name(web: Repository) -> None:
    admin = Client(headers=token(make_user("root1", is_superuser=True)))

    assert ask(admin, "PUT", "/superuser/organizations/acme", {"name": "other"})[0] == 400


def test_who_may_only_read_sees_what_they_may(web: Repository) -> None:
    grant(repository=web, role=Role.READ, holder=make_user("reader"), now=NOW)

    _, answer = ask(Client(headers=token("reader")), "GET", "/repository/acme/web")

    assert (answer["can_write"], answer["can_admin"]) == (False, False)


def test_a_token_that_may_be_read_again_is_in_every_answer(
    owner: Client, settings: Settings
) -> None:
    settings.ROBOT_TOKENS_READABLE = ["acme"]
    made = ask(owner, "PUT", "/organization/acme/robots/ci")[1]

    one = ask(owner, "GET", "/organization/acme/robots/ci")[1]["token"]
    listed = ask(owner, "GET", "/organization/acme/robots")[1]["robots"][0]["token"]

    assert [one, listed] == [made["token"]] * 2


def test_what_a_program_notes_about_a_robot_is_found_again(owner: Client) -> None:
    noted = {"managed-by": {"name": "operator", "since": 3}}

    ask(owner, "PUT", "/organization/acme/robots/ci", {"unstructured_metadata": noted})

    _, answer = ask(owner, "GET", "/organization/acme/robots/ci")
    assert answer["unstructured_metadata"] == noted


def test_too_long_notes_make_no_robot(owner: Client) -> None:
    noted = {"text": "x" * 5000}

    status, _ = ask(owner, "PUT", "/organization/acme/robots/ci", {"unstructured_metadata": noted})

    assert (status, Robot.objects.count()) == (400, 0)


def test_who_is_in_no_team_is_as_good_as_out(owner: Client) -> None:
    make_user("bob")

    assert ask(owner, "DELETE", "/organization/acme/members/bob")[0] == 204


def test_nobody_that_there_is_not_leaves_an_organization(owner: Client) -> None:
    assert ask(owner, "DELETE", "/organization/acme/members/nobody")[0] == 404

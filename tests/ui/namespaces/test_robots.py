"""Robots of organizations and of people, and their tokens, which are shown once."""

import base64
import json
import re
from datetime import datetime, timedelta

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit.models import AuditEvent
from accounts.credentials.models import AccessToken
from accounts.credentials.services import authenticate, issue_robot_token
from accounts.organizations.models import Organization, TeamRole
from accounts.organizations.services import add_member, create_team
from accounts.users.models import Robot, User
from accounts.users.services import create_robot
from artifacts.oci.errors import Denied, Unauthorized
from registry.repositories.models import RepositoryGrant, Role
from registry.repositories.services import grant
from tests.registry.builders import (
    NOW,
    PASSWORD,
    make_organization,
    make_repository,
    make_robot,
    make_user,
)
from tests.ui.browsing import browser, proved

pytestmark = pytest.mark.django_db

SECRET = re.compile(r"berth_[A-Za-z0-9_-]{43}")


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization("acme", owner=alice)


@pytest.fixture
def robot(acme: Organization) -> Robot:
    return make_robot(acme)


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def can_log_in(name: str, secret: str) -> bool:
    try:
        authenticate(
            username=name, password=secret, address="192.0.2.1", now=datetime.now(NOW.tzinfo)
        )
    except (Unauthorized, Denied):
        return False
    return True


@pytest.mark.parametrize("namespace", ["acme", "alice"])
def test_a_robot_is_made_with_a_token_that_this_answer_alone_shows(
    alice: User, acme: Organization, namespace: str
) -> None:
    client = browser(alice)

    answer = client.post(
        f"/{namespace}/-/new-robot", {"name": "ci", "description": "Builds", "days": "30"}
    )

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    (secret,) = set(SECRET.findall(answer.content.decode()))
    assert can_log_in(f"{namespace}+ci", secret)
    token = AccessToken.objects.get()
    assert token.expires_at is not None
    assert token.expires_at - token.created_at == timedelta(days=30)
    assert secret not in text_of(client, f"/{namespace}/-/robots/ci")
    assert secret not in json.dumps(dict(client.session))
    assert secret not in "".join(AuditEvent.objects.values_list("detail", flat=True))
    done = set(AuditEvent.objects.filter(target=f"{namespace}+ci").values_list("action", flat=True))
    assert done == {"robot.create", "robot.token.issue"}


@pytest.mark.parametrize("name", ["ci", "CI", "a+b", ""])
def test_a_robot_with_a_wrong_name_is_refused(alice: User, robot: Robot, name: str) -> None:
    answer = browser(alice).post("/acme/-/new-robot", {"name": name})

    assert answer.status_code == 422
    assert "b-error" in answer.content.decode()
    assert Robot.objects.count() == 1
    assert not AccessToken.objects.exists()


def test_robots_are_listed_with_their_state(alice: User, acme: Organization) -> None:
    create_robot(owner=acme.namespace, short_name="fresh", description="<b>", now=NOW)
    old = make_robot(acme, "old")
    issue_robot_token(robot=old, expires_at=NOW, now=NOW)
    live = make_robot(acme, "live")
    issue_robot_token(robot=live, now=NOW)

    text = text_of(browser(alice), "/acme/-/robots")

    for words in ("acme+fresh", "&lt;b&gt;", "No token", "Expired", "Active", "never"):
        assert words in text


def test_the_list_costs_the_same_however_many_robots_there_are(
    alice: User, acme: Organization
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            text_of(client, "/acme/-/robots")
        return len(captured)

    client = browser(alice)
    issue_robot_token(robot=make_robot(acme), now=NOW)
    client.get("/acme/-/robots")
    few = queries()
    for number in range(30):
        issue_robot_token(robot=make_robot(acme, f"r{number}"), now=NOW)

    assert queries() == few


def test_a_new_token_makes_the_old_one_worthless(alice: User, robot: Robot) -> None:
    old = issue_robot_token(robot=robot, now=NOW)
    client = proved(browser(alice), PASSWORD)
    assert "stops working at once" in text_of(client, "/acme/-/robots/ci/token")

    answer = client.post("/acme/-/robots/ci/token", {"days": ""})

    (new,) = set(SECRET.findall(answer.content.decode()))
    assert answer.headers["Cache-Control"] == "no-store"
    assert can_log_in("acme+ci", new)
    assert not can_log_in("acme+ci", old)
    assert client.post("/acme/-/robots/ci/token", {"days": "1000000"}).status_code == 422


@pytest.mark.parametrize(
    ("path", "fields"),
    [("/acme/-/robots/ci/token", {}), ("/acme/-/new-robot", {"name": "new"})],
)
def test_a_token_that_never_expires_asks_who_the_visitor_is_and_is_then_made(
    alice: User, robot: Robot, path: str, fields: dict[str, str]
) -> None:
    old = issue_robot_token(robot=robot, now=NOW)
    client = browser(alice)

    asked = client.post(path, {**fields, "days": ""})

    assert asked.headers["Location"].startswith("/account/reauthenticate/?next=")
    assert can_log_in("acme+ci", old)
    assert Robot.objects.count() == 1
    wrong = client.post(asked.headers["Location"], {"password": "wrong"})
    assert not SECRET.findall(wrong.content.decode())
    answer = client.post(asked.headers["Location"], {"password": PASSWORD})
    (secret,) = set(SECRET.findall(answer.content.decode()))
    assert answer.headers["Cache-Control"] == "no-store"
    assert can_log_in("acme+new" if fields else "acme+ci", secret)


def test_a_token_that_expires_asks_nothing_again(alice: User, robot: Robot) -> None:
    answer = browser(alice).post("/acme/-/robots/ci/token", {"days": "90"})

    assert SECRET.findall(answer.content.decode())


def test_a_robot_is_disabled_enabled_described_and_deleted(alice: User, robot: Robot) -> None:
    secret = issue_robot_token(robot=robot, now=NOW)
    client = browser(alice)

    client.post("/acme/-/robots/ci/state", {"active": "no"})
    assert not can_log_in("acme+ci", secret)
    assert "Disabled" in text_of(client, "/acme/-/robots/ci")
    client.post("/acme/-/robots/ci/state", {"active": "yes"})
    assert can_log_in("acme+ci", secret)
    client.post("/acme/-/robots/ci", {"description": "Night builds"})
    assert "Night builds" in text_of(client, "/acme/-/robots/ci")
    client.post("/acme/-/robots/ci/delete")

    assert not Robot.objects.exists()
    done = set(AuditEvent.objects.filter(actor="alice").values_list("action", flat=True))
    assert {"robot.disable", "robot.enable", "robot.description", "robot.delete"} <= done


def test_a_robot_s_page_names_its_teams_and_rights_and_its_deletion_what_goes(
    alice: User, acme: Organization, robot: Robot
) -> None:
    team = create_team(organization=acme, name="builders", role=TeamRole.MEMBER, now=NOW)
    add_member(team=team, member=robot, now=NOW)
    grant(repository=make_repository("acme/web"), role=Role.WRITE, holder=robot, now=NOW)
    client = browser(alice)

    page, deletion = (text_of(client, f"/acme/-/robots/ci{end}") for end in ("", "/delete"))

    assert "builders" in page
    assert "acme/web" in page
    for words in ("1 team", "1 repository", "0 default permissions"):
        assert words in deletion


def test_robots_are_for_administrators_alone(acme: Organization, robot: Robot) -> None:
    bob = make_user("bob")
    team = create_team(organization=acme, name="devs", role=TeamRole.CREATOR, now=NOW)
    add_member(team=team, member=bob, now=NOW)
    client = browser(bob)

    for path in ("robots", "new-robot", "robots/ci", "robots/none", "robots/ci/token"):
        assert client.get(f"/acme/-/{path}").status_code == 403
    for path in ("new-robot", "robots/ci/state", "robots/ci/token", "robots/ci/delete"):
        assert client.post(f"/acme/-/{path}").status_code == 403
    assert client.get("/alice/-/robots").status_code == 404
    assert not AccessToken.objects.exists()


def test_the_pull_secret_is_a_file_for_who_holds_the_token(alice: User, robot: Robot) -> None:
    secret = issue_robot_token(robot=robot, now=NOW)
    client = browser(alice)
    path = "/acme/-/robots/ci/pull-secret.yaml"

    answer = client.post(path, {"secret": secret})

    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme-ci.yaml"'
    assert answer.headers["Cache-Control"] == "no-store"
    document = yaml.safe_load(answer.content)
    config = json.loads(base64.b64decode(document["data"][".dockerconfigjson"]))
    (login,) = config["auths"].values()
    assert (login["username"], login["password"]) == ("acme+ci", secret)
    assert client.post(path, {"secret": "berth_other"}).status_code == 404
    assert client.get(path).status_code == 405


def roles_of(robot: Robot) -> dict[str, str]:
    grants = RepositoryGrant.objects.filter(robot=robot)
    return dict(grants.values_list("repository__path", "role"))


def test_a_robot_gets_its_rights_in_the_form_that_makes_it(alice: User, acme: Organization) -> None:
    for name in ("acme/web", "acme/api"):
        make_repository(name)

    answer = browser(alice).post(
        "/acme/-/new-robot",
        {
            "name": "ci",
            "days": "30",
            "repository_0": "acme/web",
            "role_0": "write",
            "repository_2": "acme/api",
            "role_2": "read",
        },
    )

    assert "It has a role in 2 repositories." in answer.content.decode()
    robot = Robot.objects.get(short_name="ci")
    assert roles_of(robot) == {"acme/web": "write", "acme/api": "read"}


@pytest.mark.parametrize("path", ["other/secret", "acme/absent", "nonsense", "<b>"])
def test_no_robot_is_made_with_rights_that_one_may_not_give(
    alice: User, acme: Organization, path: str
) -> None:
    make_repository("other/secret")

    answer = browser(alice).post(
        "/acme/-/new-robot", {"name": "ci", "days": "30", "repository_0": path, "role_0": "read"}
    )

    assert answer.status_code == 422
    assert "You administer no repository" in answer.content.decode()
    assert not Robot.objects.exists()


def test_a_robot_is_given_a_role_on_its_own_page(alice: User, robot: Robot) -> None:
    make_repository("acme/web")

    answer = browser(alice).post(
        "/acme/-/robots/ci", {"repository_0": "acme/web", "role_0": "admin"}, follow=True
    )

    assert "acme+ci has the role now." in answer.content.decode()
    assert roles_of(robot) == {"acme/web": "admin"}


def test_a_role_in_what_somebody_else_administers_is_not_given(alice: User, robot: Robot) -> None:
    repository = make_repository("other/web", is_public=True)
    grant(repository=repository, role=Role.WRITE, holder=alice, now=NOW)

    answer = browser(alice).post(
        "/acme/-/robots/ci", {"repository_0": "other/web", "role_0": "read"}
    )

    assert answer.status_code == 422
    assert roles_of(robot) == {}


def test_the_form_begins_with_the_repository_that_one_came_from(
    alice: User, acme: Organization
) -> None:
    make_repository("acme/web")

    text = text_of(browser(alice), "/acme/-/new-robot?repository=acme/web")

    assert 'name="repository_0" value="acme/web"' in text


@pytest.mark.parametrize("path", ["/acme", "/acme/web"])
def test_new_means_the_organization_that_one_is_in(
    alice: User, acme: Organization, path: str
) -> None:
    make_repository("acme/web")

    text = text_of(browser(alice), path)

    assert 'href="/acme/-/new-robot' in text
    assert 'href="/new/repository?namespace=acme"' in text


def test_new_means_ones_own_where_one_may_not_administer(acme: Organization) -> None:
    make_repository("acme/web", is_public=True)

    text = text_of(browser(make_user("bob")), "/acme/web")

    assert 'href="/bob/-/new-robot"' in text
    assert "/acme/-/new-robot" not in text

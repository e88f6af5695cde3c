"""The page that says and changes who may use a repository."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit.models import AuditEvent
from accounts.organizations.models import Team, TeamRole
from accounts.organizations.services import add_member, create_team
from accounts.users.models import User
from accounts.users.services import disable_user
from registry.repositories.models import Repository, RepositoryGrant, Role
from registry.repositories.services import grant
from tests.registry.builders import NOW, make_organization, make_repository, make_robot, make_user
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

PLACE = "/acme/web/-/access"


@pytest.fixture
def web() -> Repository:
    repository = make_repository("acme/web")
    RepositoryGrant.objects.filter(repository=repository).delete()
    return repository


@pytest.fixture
def page(web: Repository) -> Client:
    return browser(User.objects.get(username="acme-owner"))


def text(client: Client, path: str = PLACE) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return response.content.decode()


def given(web: Repository) -> dict[str, str]:
    grants = RepositoryGrant.objects.filter(repository=web)
    return {
        str(one.user or one.robot or one.team): one.role
        for one in grants.select_related("user", "robot__namespace", "team__organization")
    }


def test_a_user_a_robot_and_a_team_are_given_roles_by_name(page: Client, web: Repository) -> None:
    make_user("bob")
    make_robot(web.namespace.organization)
    create_team(
        organization=web.namespace.organization, name="readers", role=TeamRole.MEMBER, now=NOW
    )

    for holder, name, role in (
        ("account", " bob ", "write"),
        ("account", "acme+ci", "admin"),
        ("team", "readers", "read"),
    ):
        answer = page.post(PLACE, {"holder": holder, "name": name, "role": role}, follow=True)
        assert f"{name.strip()} has the role {role} in acme/web now." in answer.content.decode()

    assert given(web) == {"bob": "write", "acme+ci": "admin", "acme/readers": "read"}
    assert AuditEvent.objects.filter(action="repository.grant", actor="acme-owner").count() == 3


@pytest.mark.parametrize(
    ("holder", "name"),
    [
        ("account", "nobody"),
        ("account", "acme+nobody"),
        ("team", "nobody"),
        ("team", "bob"),
        ("account", "<script>alert(1)</script>"),
    ],
)
def test_unknown_names_are_refused_with_words(
    page: Client, web: Repository, holder: str, name: str
) -> None:
    make_user("bob")
    answer = page.post(PLACE, {"holder": holder, "name": name, "role": "read"})
    assert answer.status_code == 422
    assert "no " in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()
    assert given(web) == {}


def test_in_a_persons_namespace_there_are_no_teams() -> None:
    bob = make_user("bob")
    make_repository("bob/own")
    answer = browser(bob).post(
        "/bob/own/-/access", {"holder": "team", "name": "owners", "role": "read"}
    )
    assert answer.status_code == 422


def test_a_role_is_changed_and_removed(page: Client, web: Repository) -> None:
    bob = make_user("bob")
    one = grant(repository=web, role=Role.READ, holder=bob, now=NOW)
    assert "Role of" in text(page, f"{PLACE}/{one.pk}")

    page.post(f"{PLACE}/{one.pk}", {"role": "admin"})
    assert given(web) == {"bob": "admin"}

    page.post(f"{PLACE}/{one.pk}", {"remove": "yes"})
    assert given(web) == {}
    assert page.get(f"{PLACE}/{one.pk}").status_code == 404
    assert browser(bob).get("/acme/web").status_code == 404


def test_roles_of_another_repository_are_not_reached_from_here(
    page: Client, web: Repository
) -> None:
    other = make_repository("elsewhere/web")
    one = grant(repository=other, role=Role.READ, holder=make_user("bob"), now=NOW)
    assert page.get(f"{PLACE}/{one.pk}").status_code == 404
    assert page.post(f"{PLACE}/{one.pk}", {"remove": "yes"}).status_code == 404
    assert RepositoryGrant.objects.filter(pk=one.pk).exists()


def test_everybody_with_rights_is_listed_with_the_reasons(page: Client, web: Repository) -> None:
    team = create_team(
        organization=web.namespace.organization, name="crew", role=TeamRole.MEMBER, now=NOW
    )
    add_member(team=team, member=make_user("bob"), now=NOW)
    grant(repository=web, role=Role.WRITE, holder=team, now=NOW)
    ann = make_user("ann")
    grant(repository=web, role=Role.READ, holder=ann, now=NOW)
    disable_user(user=ann, now=NOW)

    shown = text(page)

    for words in (
        "the team owners administers the organization",
        "the team crew has the role write here",
        "has the role read here",
        "pull, push and delete",
        "the repository is private",
        "Disabled",
    ):
        assert words in shown, words


def test_one_asks_what_somebody_may_do_and_why(page: Client, web: Repository) -> None:
    make_user("ann")
    make_organization("other")

    assert "may do nothing here" in " ".join(text(page, f"{PLACE}?who=ann").split())
    assert "may do everything here" in " ".join(text(page, f"{PLACE}?who=acme-owner").split())
    assert "Nobody is called" in text(page, f"{PLACE}?who=%3Cb%3Enobody")
    assert "may do nothing here" in " ".join(text(page, f"{PLACE}?who=anonymous").split())
    Repository.objects.update(is_public=True)
    assert "may pull" in " ".join(text(page, f"{PLACE}?who=anonymous").split())


def test_the_page_costs_the_same_for_many_as_for_few(page: Client, web: Repository) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            text(page)
        return len(captured)

    grant(repository=web, role=Role.READ, holder=make_user("bob"), now=NOW)
    grant(repository=web, role=Role.READ, holder=make_robot(web.namespace.organization), now=NOW)
    count()
    few = count()
    for number in range(20):
        robot = make_robot(web.namespace.organization, f"robot-{number}")
        grant(repository=web, role=Role.WRITE, holder=robot, now=NOW)
        grant(repository=web, role=Role.READ, holder=make_user(f"user-{number}"), now=NOW)
    assert count() == few


@pytest.mark.parametrize("name", ["ghost+deploy", "ghost+nobody"])
def test_a_robot_that_one_may_not_know_of_answers_as_one_that_is_not_there(
    page: Client, web: Repository, name: str
) -> None:
    make_robot(make_organization("ghost"), "deploy")

    answer = page.post(PLACE, {"holder": "account", "name": name, "role": "read"}).content.decode()

    assert "here is no robot" in answer
    assert given(web) == {}


def test_a_robot_of_another_organization_of_one_s_own_is_given_a_role(
    page: Client, web: Repository
) -> None:
    owner = User.objects.get(username="acme-owner")
    make_robot(make_organization("tools", owner=owner), "deploy")

    page.post(PLACE, {"holder": "account", "name": "tools+deploy", "role": "read"})

    assert given(web) == {"tools+deploy": "read"}


def test_a_robot_of_the_same_owner_is_named_shortly(page: Client, web: Repository) -> None:
    make_robot(web.namespace.organization)

    page.post(PLACE, {"holder": "account", "name": "ci", "role": "read"})

    assert given(web) == {"acme+ci": "read"}


def test_a_person_comes_before_a_robot_of_the_same_short_name(
    page: Client, web: Repository
) -> None:
    make_user("ci")
    make_robot(web.namespace.organization)

    page.post(PLACE, {"holder": "account", "name": "ci", "role": "read"})

    assert given(web) == {"ci": "read"}


def names(client: Client, place: str = "/acme/web/-/names", **query: str) -> list[str]:
    answer = client.get(place, query)
    assert answer.status_code == 200
    return re.findall('value="([^"]*)"', answer.content.decode())


@pytest.fixture
def readers(web: Repository) -> Team:
    organization = web.namespace.organization
    team = create_team(organization=organization, name="readers", role=TeamRole.MEMBER, now=NOW)
    add_member(team=team, member=make_user("bob"), now=NOW)
    make_robot(organization)
    return team


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("account", "", ["acme+ci", "acme-owner", "bob"]),
        ("account", "C", ["acme+ci", "acme-owner"]),
        ("robot", "acme+c", ["acme+ci"]),
        ("user", "bo", ["bob"]),
        ("team", "read", ["readers"]),
        ("repository", "we", ["acme/web"]),
        ("account", "a\x00b", []),
        ("account", "%", []),
        ("", "b", []),
        ("password", "b", []),
    ],
)
def test_names_are_suggested_while_one_types(
    page: Client, readers: Team, kind: str, text: str, expected: list[str]
) -> None:
    assert names(page, of=kind, field="name", name=text) == expected


def test_the_field_before_it_says_what_is_suggested(page: Client, readers: Team) -> None:
    assert names(page, holder="team", field="name", name="rea") == ["readers"]


def test_strangers_are_suggested_only_when_they_are_named_wholly(
    page: Client, readers: Team
) -> None:
    make_user("stranger")

    assert names(page, of="user", field="name", name="strang") == []
    assert names(page, of="user", field="name", name="stranger") == ["stranger"]


def test_only_what_one_administers_is_suggested_of_repositories(
    page: Client, web: Repository
) -> None:
    make_repository("other/web", is_public=True)

    assert names(page, of="repository", field="name", name="web") == ["acme/web"]


def test_names_are_told_to_those_alone_who_administer(web: Repository, readers: Team) -> None:
    grant(repository=web, role=Role.WRITE, holder=readers, now=NOW)

    assert browser(User.objects.get(username="bob")).get("/acme/web/-/names").status_code == 403


def test_the_first_names_are_there_without_javascript(page: Client, readers: Team) -> None:
    assert '<option value="bob" label="User">' in text(page)


def robot_fields(shown: str) -> dict[str, str]:
    """What the form for a new robot sends, as long as nobody changed it."""
    form = shown.partition('id="new-robot"')[2].partition("</form>")[0]
    hidden = re.findall(r'name="(repository_0)" value="([^"]*)"', form)
    chosen = re.findall(r'<select name="(\w+)".*?value="(\w+)" selected', form, re.DOTALL)
    return dict([*hidden, *chosen])


def test_a_robot_is_made_here_with_a_role_and_a_token(page: Client, web: Repository) -> None:
    sent = {"name": "deploy", **robot_fields(text(page))}

    answer = page.post("/acme/-/new-robot", sent)

    assert "Its token, shown only now" in answer.content.decode()
    assert sent == {
        "name": "deploy",
        "repository_0": "acme/web",
        "role_0": "write",
        "days": "90",
    }
    assert given(web) == {"acme+deploy": "write"}


def test_a_robot_is_offered_to_those_alone_who_may_make_one(web: Repository) -> None:
    ann = make_user("ann")
    grant(repository=web, role=Role.ADMIN, holder=ann, now=NOW)

    assert robot_fields(text(browser(ann))) == {}

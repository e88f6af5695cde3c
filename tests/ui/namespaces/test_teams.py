"""Teams, members, and what new repositories grant."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.organizations.models import (
    DefaultPermission,
    DefaultRole,
    Organization,
    Team,
    TeamMember,
    TeamRole,
)
from accounts.organizations.services import add_member, create_team, set_default_permission
from accounts.users.models import User
from accounts.users.services import disable_user
from registry.repositories.models import Role
from registry.repositories.services import grant
from tests.registry.builders import (
    NOW,
    make_organization,
    make_repository,
    make_robot,
    make_user,
)
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization("acme", owner=alice)


@pytest.fixture
def devs(acme: Organization) -> Team:
    return create_team(organization=acme, name="devs", role=TeamRole.CREATOR, now=NOW)


def text_of(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def queries_of(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        text_of(client, path)
    return len(captured)


def test_teams_are_listed_with_their_roles_and_how_many_are_in_them(
    alice: User, acme: Organization, devs: Team
) -> None:
    for member in (make_user("bob"), make_user("carol"), make_robot(acme)):
        add_member(team=devs, member=member, now=NOW)

    answer = browser(alice).get("/acme/-/teams")

    counts = {
        team.name: (team.role, team.people, team.robots) for team in answer.context["page"].rows
    }
    assert counts == {"owners": ("admin", 1, 0), "devs": ("creator", 2, 1)}


def test_a_team_is_made_changed_and_deleted(alice: User, acme: Organization) -> None:
    client = browser(alice)

    made = client.post("/acme/-/teams", {"name": "ops", "role": "member", "description": "On call"})
    assert made.headers["Location"] == "/acme/-/teams/ops"
    client.post("/acme/-/teams/ops", {"role": "creator", "description": "Nights"})
    team = Team.objects.get(name="ops")
    assert (team.role, team.description) == ("creator", "Nights")
    gone = client.post("/acme/-/teams/ops/delete")

    assert gone.headers["Location"] == "/acme/-/teams"
    assert not Team.objects.filter(name="ops").exists()
    done = set(AuditEvent.objects.filter(actor="alice").values_list("action", flat=True))
    assert {"team.create", "team.role.change", "team.description", "team.delete"} <= done


@pytest.mark.parametrize("name", ["owners", "Ops", "x", "<script>"])
def test_a_team_with_a_wrong_name_is_refused(alice: User, acme: Organization, name: str) -> None:
    answer = browser(alice).post("/acme/-/teams", {"name": name, "role": "member"})

    assert answer.status_code == 422
    assert "b-error" in answer.content.decode()
    assert "<script>" not in answer.content.decode()
    assert Team.objects.count() == 1


def test_the_deletion_of_a_team_names_what_its_members_lose(
    alice: User, acme: Organization, devs: Team
) -> None:
    add_member(team=devs, member=make_user("bob"), now=NOW)
    grant(repository=make_repository("acme/web"), role=Role.READ, holder=devs, now=NOW)
    set_default_permission(organization=acme, delegate=devs, role=DefaultRole.WRITE, now=NOW)

    text = text_of(browser(alice), "/acme/-/teams/devs/delete")

    for words in ("1 person and 0 robots", "Creator", "1 repository", "1 default permission"):
        assert words in text


def test_people_and_robots_are_put_into_a_team_and_taken_out(
    alice: User, acme: Organization, devs: Team, settings: Settings
) -> None:
    settings.FEATURE_REQUIRE_TEAM_INVITE = False
    make_user("bob")
    make_robot(acme)
    client = browser(alice)

    for name in ("bob", " acme+ci "):
        answer = client.post("/acme/-/teams/devs/members", {"member": name})
        assert answer.headers["Location"] == "/acme/-/teams/devs"
    text = text_of(client, "/acme/-/teams/devs")
    assert "bob" in text
    assert "acme+ci" in text
    for name in ("bob", "acme+ci"):
        client.post("/acme/-/teams/devs/members", {"remove": name})

    assert not TeamMember.objects.filter(team=devs).exists()
    done = list(AuditEvent.objects.values_list("action", flat=True))
    assert done.count("team.member.add") == done.count("team.member.remove") == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nobody", "There is no user"),
        ("acme+none", "There is no robot"),
        ("other+ci", "no robot"),
        ("<i>x</i>", "There is no user"),
        ("", "required"),
    ],
)
def test_who_is_not_there_cannot_be_added_and_the_page_says_so(
    alice: User, acme: Organization, devs: Team, name: str, reason: str
) -> None:
    make_robot(make_organization("other"))

    answer = browser(alice).post("/acme/-/teams/devs/members", {"member": name})

    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert "<i>x" not in answer.content.decode()
    assert not devs.members.exists()


def test_the_last_owner_stays(alice: User, acme: Organization) -> None:
    client = browser(alice)

    left = client.post("/acme/-/teams/owners/members", {"remove": "alice"}, follow=True)
    demoted = client.post("/acme/-/teams/owners", {"role": "member"})
    deleted = client.post("/acme/-/teams/owners/delete", follow=True)

    for answer in (left, demoted, deleted):
        assert "without an owner" in answer.content.decode()
    assert demoted.status_code == 422
    team = Team.objects.get()
    assert team.role == "admin"
    assert team.members.count() == 1


def test_members_see_teams_and_change_nothing(acme: Organization, devs: Team) -> None:
    bob = make_user("bob")
    add_member(team=devs, member=bob, now=NOW)
    client = browser(bob)

    assert "<form" not in text_of(client, "/acme/-/teams/devs").partition("<main")[2]
    assert "<form" not in text_of(client, "/acme/-/teams").partition("<main")[2]
    for path, data in (
        ("/acme/-/teams", {"name": "mine", "role": "admin"}),
        ("/acme/-/teams/devs", {"role": "admin"}),
        ("/acme/-/teams/owners/members", {"member": "bob"}),
        ("/acme/-/teams/devs/delete", {}),
        ("/acme/-/default-permissions", {"holder": "user", "name": "bob", "role": "admin"}),
    ):
        assert client.post(path, data).status_code == 403
    assert not TeamMember.objects.filter(team__name="owners", user=bob).exists()


def test_strangers_do_not_see_who_is_in_an_organization(acme: Organization, devs: Team) -> None:
    make_repository("acme/open", is_public=True)
    carol = make_user("carol")

    for path in ("/acme/-/teams", "/acme/-/teams/devs", "/acme/-/teams/none", "/acme/-/members"):
        assert browser(carol).get(path).status_code == 403
        assert "/account/login/" in Client().get(path).headers["Location"]


def test_persons_have_no_teams(alice: User) -> None:
    for path in ("teams", "members", "default-permissions", "settings", "settings/delete"):
        assert browser(alice).get(f"/alice/-/{path}").status_code == 404


def test_members_and_collaborators_are_told_apart(
    alice: User, acme: Organization, devs: Team
) -> None:
    bob, carol, dave = make_user("bob"), make_user("carol"), make_user("dave")
    add_member(team=devs, member=bob, now=NOW)
    web = make_repository("acme/web")
    other = make_repository("other/web")
    for holder in (bob, carol):
        grant(repository=web, role=Role.READ, holder=holder, now=NOW)
    grant(repository=other, role=Role.READ, holder=dave, now=NOW)
    disable_user(user=carol, now=NOW)
    client = browser(alice)

    members = client.get("/acme/-/members").context["page"].rows
    answer = client.get("/acme/-/members", {"who": "collaborators"})

    teams = {user.username: [m.team.name for m in user.memberships_here] for user in members}
    assert teams == {"alice": ["owners"], "bob": ["devs"]}
    assert [(u.username, u.repositories) for u in answer.context["page"].rows] == [("carol", 1)]
    assert "Disabled" in answer.content.decode()


def test_lists_of_people_cost_the_same_however_many_there_are(
    alice: User, acme: Organization, devs: Team
) -> None:
    web = make_repository("acme/web")
    grant(repository=web, role=Role.READ, holder=make_user("c" * 9), now=NOW)
    add_member(team=devs, member=make_robot(acme, "r0"), now=NOW)
    paths = (
        "/acme/-/teams",
        "/acme/-/teams/devs",
        "/acme/-/members",
        "/acme/-/members?who=collaborators",
        "/acme/-/default-permissions",
    )
    set_default_permission(organization=acme, delegate=devs, role=DefaultRole.READ, now=NOW)
    client = browser(alice)
    few = {path: queries_of(client, path) for path in paths}
    for number in range(8):
        member = make_user(f"member{number}")
        add_member(team=devs, member=member, now=NOW)
        add_member(team=devs, member=make_robot(acme, f"robot{number}"), now=NOW)
        grant(repository=web, role=Role.READ, holder=make_user(f"guest{number}"), now=NOW)
        team = create_team(organization=acme, name=f"t{number}", role=TeamRole.MEMBER, now=NOW)
        set_default_permission(organization=acme, delegate=team, role=DefaultRole.READ, now=NOW)
        set_default_permission(
            organization=acme,
            delegate=member,
            role=DefaultRole.READ,
            activating_user=alice,
            now=NOW,
        )

    assert {path: queries_of(client, path) for path in paths} == few


def test_default_permissions_are_added_changed_and_deleted(
    alice: User, acme: Organization, devs: Team
) -> None:
    make_user("bob")
    robot = make_robot(acme)
    client = browser(alice)
    add = "/acme/-/default-permissions"

    for holder, name, maker in (
        ("team", "devs", ""),
        ("robot", "acme+ci", "bob"),
        ("user", "bob", ""),
    ):
        answer = client.post(add, {"holder": holder, "name": name, "role": "read", "maker": maker})
        assert answer.headers["Location"] == add
    text = text_of(client, add)
    for words in ("devs", "acme+ci", "bob", "anybody"):
        assert words in text
    mine = DefaultPermission.objects.get(delegate_robot=robot)
    client.post(f"{add}/{mine.pk}", {"role": "write"})
    mine.refresh_from_db()
    assert (mine.role, mine.activating_user) == ("write", User.objects.get(username="bob"))
    client.post(f"{add}/{mine.pk}", {"delete": "yes"})

    assert DefaultPermission.objects.count() == 2
    done = list(AuditEvent.objects.values_list("action", flat=True))
    assert done.count("default-permission.set") == 4
    assert done.count("default-permission.delete") == 1


@pytest.mark.parametrize(
    ("asked", "field", "reason"),
    [
        ({"holder": "team", "name": "none"}, "name", "has no team"),
        ({"holder": "user", "name": "none"}, "name", "no user"),
        ({"holder": "robot", "name": "other+ci"}, "name", "no robot"),
        ({"holder": "team", "name": "owners", "maker": "none"}, "maker", "no user"),
        ({"holder": "team", "name": "owners", "role": "king"}, "role", "Select a valid choice"),
    ],
)
def test_a_default_permission_for_nobody_is_refused(
    alice: User, acme: Organization, asked: dict[str, str], field: str, reason: str
) -> None:
    make_robot(make_organization("other"))

    answer = browser(alice).post("/acme/-/default-permissions", {"role": "read"} | asked)

    assert answer.status_code == 422
    assert reason in " ".join(answer.context["form"].errors[field])
    assert not DefaultPermission.objects.exists()


def test_the_default_permissions_of_others_are_out_of_reach(
    alice: User, acme: Organization
) -> None:
    other = make_organization("other")
    theirs = set_default_permission(
        organization=other, delegate=other.teams.get(), role=DefaultRole.READ, now=NOW
    )
    client = browser(alice)

    assert client.get(f"/acme/-/default-permissions/{theirs.pk}").status_code == 404
    assert (
        client.post(f"/acme/-/default-permissions/{theirs.pk}", {"delete": "1"}).status_code == 404
    )
    assert client.get(f"/other/-/default-permissions/{theirs.pk}").status_code == 404
    assert DefaultPermission.objects.exists()


def test_somebody_leaves_one_team_by_himself(alice: User, acme: Organization, devs: Team) -> None:
    bob = make_user("bob")
    ops = create_team(organization=acme, name="ops", role=TeamRole.MEMBER, now=NOW)
    add_member(team=devs, member=bob, now=NOW)
    add_member(team=ops, member=bob, now=NOW)

    browser(bob).post("/acme/-/leave", {"team": "ops"})

    assert list(TeamMember.objects.filter(user=bob).values_list("team__name", flat=True)) == [
        "devs"
    ]
    left = AuditEvent.objects.get(action="team.member.leave")
    assert (left.actor, left.target, left.facts["team"]) == ("bob", "acme", "ops")


def test_somebody_leaves_an_organization_with_all_its_teams(acme: Organization, devs: Team) -> None:
    bob = make_user("bob")
    add_member(team=devs, member=bob, now=NOW)
    client = browser(bob)
    assert "Leave acme" in text_of(client, "/acme/-/members")

    client.post("/acme/-/leave")

    assert not TeamMember.objects.filter(user=bob).exists()
    assert client.get("/acme/-/teams").status_code == 404


def test_the_last_owner_does_not_leave(alice: User, acme: Organization, devs: Team) -> None:
    add_member(team=devs, member=alice, now=NOW)
    client = browser(alice)

    answer = client.post("/acme/-/leave", follow=True)

    assert "owner" in answer.content.decode()
    assert TeamMember.objects.filter(user=alice).count() == 2


def test_an_owner_leaves_a_team_that_is_not_the_owners(
    alice: User, acme: Organization, devs: Team
) -> None:
    add_member(team=devs, member=alice, now=NOW)

    browser(alice).post("/acme/-/leave", {"team": "devs"})

    assert TeamMember.objects.filter(user=alice).count() == 1


def test_nobody_leaves_a_team_that_he_is_not_in(acme: Organization, devs: Team) -> None:
    bob, carol = make_user("bob"), make_user("carol")
    ops = create_team(organization=acme, name="ops", role=TeamRole.MEMBER, now=NOW)
    add_member(team=devs, member=bob, now=NOW)
    add_member(team=ops, member=carol, now=NOW)

    page = browser(bob).post("/acme/-/leave", {"team": "ops"}, follow=True).content.decode()

    assert "You are not in that team." in page
    assert TeamMember.objects.filter(user__in=[bob, carol]).count() == 2

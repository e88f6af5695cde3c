"""The pages on which people are asked into teams, and answer."""

import pytest
from django.utils import timezone

from accounts.audit.services import Actor
from accounts.organizations.invitations import GOOD_FOR, add_or_invite
from accounts.organizations.models import Organization, Team, TeamInvitation, TeamMember, TeamRole
from accounts.organizations.services import add_member, create_team
from accounts.users.models import User
from tests.registry.builders import NOW, make_organization, make_user
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

PAGE = "/settings/invitations"
TEAM = "/acme/-/teams/devs"


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization("acme", owner=alice)


@pytest.fixture
def devs(acme: Organization) -> Team:
    return create_team(organization=acme, name="devs", role=TeamRole.CREATOR, now=NOW)


@pytest.fixture
def invitation(devs: Team, bob: User) -> TeamInvitation:
    add_or_invite(team=devs, member=bob, now=timezone.now(), by=Actor("alice"))
    return TeamInvitation.objects.get()


def is_in(team: Team, user: User) -> bool:
    return TeamMember.objects.filter(team=team, user=user).exists()


def test_an_administrator_asks_and_the_page_says_so(alice: User, devs: Team, bob: User) -> None:
    client = browser(alice)

    text = client.post(f"{TEAM}/members", {"member": "bob"}, follow=True).text

    assert "bob was asked, and is in the team once they accept." in text
    assert 'name="withdraw" value="bob"' in text
    assert not is_in(devs, bob)


@pytest.mark.parametrize("page", ["/", "/organizations"])
def test_who_is_asked_is_told_where_they_begin(
    invitation: TeamInvitation, bob: User, page: str
) -> None:
    assert f'href="{PAGE}"' in browser(bob).get(page).text.partition("<main")[2]
    assert f'href="{PAGE}"' not in browser(make_user("carol")).get(page).text.partition("<main")[2]


def test_the_invitation_says_who_asks_into_what(invitation: TeamInvitation, bob: User) -> None:
    text = browser(bob).get(PAGE).text

    for words in ("acme", "Team devs", "Creator", "From alice"):
        assert words in text


def test_who_accepts_is_in_the_organization(
    invitation: TeamInvitation, devs: Team, bob: User
) -> None:
    client = browser(bob)
    assert client.get("/acme/-/teams").status_code == 404

    answer = client.post(PAGE, {"accept": str(invitation.pk)})

    assert answer.headers["Location"] == "/acme"
    assert is_in(devs, bob)
    assert client.get("/acme/-/teams").status_code == 200


def test_who_declines_is_not(invitation: TeamInvitation, devs: Team, bob: User) -> None:
    text = browser(bob).post(PAGE, {"decline": str(invitation.pk)}, follow=True).text

    assert "You do not join acme." in text
    assert "Nobody asks you to join a team." in text
    assert not is_in(devs, bob)


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_nobody_answers_for_somebody_else(
    invitation: TeamInvitation, devs: Team, bob: User, answer: str
) -> None:
    carol = make_user("carol")

    text = browser(carol).post(PAGE, {answer: str(invitation.pk)}, follow=True).text

    assert "The invitation was withdrawn or has expired." in text
    assert TeamInvitation.objects.filter(user=bob).exists()
    assert not TeamMember.objects.filter(team=devs).exists()


@pytest.mark.parametrize("text", ["", "0", "x", "-1", "9" * 30, "\u0663", "1\x00"])
def test_what_names_no_invitation_changes_nothing(bob: User, text: str) -> None:
    answer = browser(bob).post(PAGE, {"accept": text}, follow=True)

    assert "The invitation was withdrawn or has expired." in answer.text


def test_an_invitation_that_has_ended_is_not_shown(
    invitation: TeamInvitation, devs: Team, bob: User
) -> None:
    TeamInvitation.objects.update(expires_at=timezone.now() - GOOD_FOR)
    client = browser(bob)

    assert "Nobody asks you to join a team." in client.get(PAGE).text
    client.post(PAGE, {"accept": str(invitation.pk)})
    assert not is_in(devs, bob)


def test_an_administrator_withdraws_it(
    invitation: TeamInvitation, alice: User, devs: Team, bob: User
) -> None:
    browser(alice).post(f"{TEAM}/members", {"withdraw": "bob"})

    assert not TeamInvitation.objects.exists()


def test_members_see_no_invitations_and_withdraw_none(
    invitation: TeamInvitation, devs: Team
) -> None:
    carol = make_user("carol")
    add_member(team=devs, member=carol, now=NOW)
    client = browser(carol)

    assert "Invited" not in client.get(TEAM).text
    assert client.post(f"{TEAM}/members", {"withdraw": "bob"}).status_code == 403
    assert TeamInvitation.objects.exists()


def test_an_administrator_of_another_organization_withdraws_none(
    invitation: TeamInvitation, devs: Team
) -> None:
    mallory = make_user("mallory")
    create_team(
        organization=make_organization("evil", owner=mallory),
        name="devs",
        role=TeamRole.MEMBER,
        now=NOW,
    )

    browser(mallory).post("/evil/-/teams/devs/members", {"withdraw": "bob"})

    assert TeamInvitation.objects.exists()


def test_an_organization_is_not_in_the_list_of_who_was_only_asked(
    invitation: TeamInvitation, bob: User
) -> None:
    assert "acme" not in browser(bob).get("/organizations").text.partition("<main")[2]

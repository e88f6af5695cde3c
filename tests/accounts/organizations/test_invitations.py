"""People are asked before they are in a team of an organization."""

from datetime import datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from accounts.credentials.services import delete_expired
from accounts.errors import Foreign, InvitationOver, TooManyInvitations
from accounts.mail.models import OutgoingMail
from accounts.mail.tasks import send_batch
from accounts.organizations import invitations
from accounts.organizations.invitations import (
    GOOD_FOR,
    MAIL_EVERY,
    accept,
    add_or_invite,
    decline,
    withdraw,
)
from accounts.organizations.models import Organization, Team, TeamInvitation, TeamRole
from accounts.organizations.services import add_member, create_team, delete_team
from accounts.users.models import Robot, User
from accounts.users.services import access_epoch, create_user
from tests.accounts.conftest import PASSWORD

ALICE = Actor("alice", "192.0.2.1")
BOB = Actor("bob")


@pytest.fixture
def devs(acme: Organization, now: datetime) -> Team:
    return create_team(organization=acme, name="devs", role=TeamRole.MEMBER, now=now)


@pytest.fixture
def invitation(devs: Team, bob: User, now: datetime) -> TeamInvitation:
    assert not add_or_invite(team=devs, member=bob, now=now, by=ALICE)
    return TeamInvitation.objects.get()


def is_in(team: Team, user: User) -> bool:
    return team.members.filter(user=user).exists()


def test_a_stranger_is_asked_and_not_a_member(
    invitation: TeamInvitation, devs: Team, bob: User, now: datetime
) -> None:
    assert not is_in(devs, bob)
    assert (invitation.invited_by, invitation.expires_at) == ("alice", now + GOOD_FOR)
    event = AuditEvent.objects.get(action="team.invitation.send")
    assert (event.actor, event.namespace) == ("alice", "acme")
    assert event.facts == {"team": "devs", "member": "bob"}


def test_who_accepts_is_a_member_and_rights_are_asked_anew(
    invitation: TeamInvitation, devs: Team, bob: User, now: datetime
) -> None:
    before = access_epoch()

    accept(invitation=invitation, now=now, by=BOB)

    assert is_in(devs, bob)
    assert not TeamInvitation.objects.exists()
    assert access_epoch() > before
    assert AuditEvent.objects.get(action="team.member.add").actor == "bob"


def test_who_declines_is_none(
    invitation: TeamInvitation, devs: Team, bob: User, now: datetime
) -> None:
    decline(invitation=invitation, now=now, by=BOB)

    assert not is_in(devs, bob)
    assert not TeamInvitation.objects.exists()
    assert AuditEvent.objects.get(action="team.invitation.decline").actor == "bob"


def test_a_withdrawn_invitation_cannot_be_accepted(
    invitation: TeamInvitation, devs: Team, bob: User, now: datetime
) -> None:
    held = TeamInvitation.objects.get()
    withdraw(invitation=invitation, now=now, by=ALICE)

    with pytest.raises(InvitationOver):
        accept(invitation=held, now=now, by=BOB)

    assert not is_in(devs, bob)


def test_an_invitation_ends(
    invitation: TeamInvitation, devs: Team, bob: User, now: datetime
) -> None:
    with pytest.raises(InvitationOver):
        accept(invitation=invitation, now=now + GOOD_FOR, by=BOB)

    delete_expired(now=now + GOOD_FOR - timedelta(seconds=1), limit=10)
    assert TeamInvitation.objects.exists()
    delete_expired(now=now + GOOD_FOR, limit=10)
    assert not TeamInvitation.objects.exists()
    assert not is_in(devs, bob)


def test_to_ask_again_makes_it_good_for_longer(
    invitation: TeamInvitation, devs: Team, bob: User, now: datetime
) -> None:
    later = now + timedelta(days=3)

    add_or_invite(team=devs, member=bob, now=later, by=ALICE)

    assert TeamInvitation.objects.get().expires_at == later + GOOD_FOR


def test_a_robot_is_not_asked(devs: Team, robot: Robot, now: datetime) -> None:
    assert add_or_invite(team=devs, member=robot, now=now, by=ALICE)

    assert devs.members.filter(robot=robot).exists()


def test_a_robot_of_another_organization_is_refused_as_before(
    devs: Team, bob: User, now: datetime
) -> None:
    foreign = Robot.objects.create(namespace=bob.namespace, short_name="ci", created_at=now)

    with pytest.raises(Foreign):
        add_or_invite(team=devs, member=foreign, now=now, by=ALICE)


def test_whoever_is_in_the_organization_has_agreed_already(
    acme: Organization, devs: Team, bob: User, now: datetime
) -> None:
    add_member(team=devs, member=bob, now=now)
    ops = create_team(organization=acme, name="ops", role=TeamRole.ADMIN, now=now)

    assert add_or_invite(team=ops, member=bob, now=now, by=ALICE)

    assert is_in(ops, bob)


def test_whoever_puts_themselves_into_a_team_agrees(devs: Team, bob: User, now: datetime) -> None:
    assert add_or_invite(team=devs, member=bob, now=now, by=BOB)


def test_administrators_of_the_registry_may_do_without(
    devs: Team, bob: User, now: datetime, settings: Settings
) -> None:
    settings.FEATURE_REQUIRE_TEAM_INVITE = False

    assert add_or_invite(team=devs, member=bob, now=now, by=ALICE)

    assert is_in(devs, bob)


def test_who_is_put_into_the_team_meanwhile_has_no_invitation_left(
    invitation: TeamInvitation, devs: Team, bob: User, now: datetime
) -> None:
    add_member(team=devs, member=bob, now=now)

    assert not TeamInvitation.objects.exists()


def test_an_invitation_goes_with_its_team(
    invitation: TeamInvitation, devs: Team, now: datetime
) -> None:
    delete_team(team=devs, now=now)

    assert not TeamInvitation.objects.exists()


def test_a_team_has_a_bound_to_its_invitations(
    invitation: TeamInvitation,
    devs: Team,
    bob: User,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(invitations, "MOST_OF_A_TEAM", 1)
    carol = create_user(username="carol", password=PASSWORD, now=now)

    with pytest.raises(TooManyInvitations):
        add_or_invite(team=devs, member=carol, now=now, by=ALICE)

    add_or_invite(team=devs, member=bob, now=now, by=ALICE)  # who is among them already
    add_or_invite(team=devs, member=carol, now=now + GOOD_FOR, by=ALICE)


@pytest.fixture
def _mails(settings: Settings) -> None:
    settings.FEATURE_MAILING = True
    settings.SERVER_HOSTNAME = "registry.example.com"
    settings.MAIL_DELIVERY_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def with_address(user: User, *, is_verified: bool) -> None:
    user.email = f"{user.username}@example.com"
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=is_verified)


@pytest.mark.usefixtures("_mails")
def test_who_is_asked_gets_a_mail(
    devs: Team, bob: User, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    with_address(bob, is_verified=True)

    add_or_invite(team=devs, member=bob, now=now, by=ALICE)
    send_batch(now=now, limit=10)

    (mail,) = mailoutbox
    assert mail.to == ["bob@example.com"]
    assert "alice asks you to join the team devs of the organization acme" in mail.body


@pytest.mark.usefixtures("_mails")
def test_nobody_is_flooded_with_mail(devs: Team, bob: User, now: datetime) -> None:
    with_address(bob, is_verified=True)

    for _ in range(3):
        add_or_invite(team=devs, member=bob, now=now, by=ALICE)
        withdraw(invitation=TeamInvitation.objects.get(), now=now, by=ALICE)

    assert OutgoingMail.objects.count() == 1
    assert timedelta(minutes=10) < MAIL_EVERY


@pytest.mark.usefixtures("_mails")
def test_an_address_that_nobody_verified_gets_no_mail(devs: Team, bob: User, now: datetime) -> None:
    with_address(bob, is_verified=False)

    add_or_invite(team=devs, member=bob, now=now, by=ALICE)

    assert not OutgoingMail.objects.exists()

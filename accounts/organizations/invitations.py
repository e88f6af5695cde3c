"""Asking people into teams: who is put into one by others agrees first.

Whoever is in the organization already has agreed, and robots are asked nothing.
"""

from datetime import datetime, timedelta
from typing import Final

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import InvitationOver, TooManyInvitations
from accounts.mail.services import post
from accounts.organizations.models import Team, TeamInvitation, TeamMember
from accounts.organizations.services import add_member, lock
from accounts.users.models import Robot, User

GOOD_FOR: Final = timedelta(days=14)
MOST_OF_A_TEAM: Final = 500
"""Invitations into one team that wait at once."""

MAIL_EVERY: Final = timedelta(hours=1)
"""How often one person is mailed about invitations, however many there are."""


def add_or_invite(*, team: Team, member: User | Robot, now: datetime, by: Actor = SYSTEM) -> bool:
    """Put somebody into a team, or ask them; tell whether they are in it now.

    Raises:
        AccountError: ``Foreign`` or ``TooManyInvitations``; nothing was changed.
    """
    if isinstance(member, Robot) or not _must_agree(member, team, by):
        add_member(team=team, member=member, now=now, by=by)
        return True
    _invite(team=team, user=member, now=now, by=by)
    return False


def accept(*, invitation: TeamInvitation, now: datetime, by: Actor) -> None:
    """Make the invited person a member.

    Raises:
        InvitationOver: it was withdrawn or has expired.
    """
    team, user = invitation.team, invitation.user
    with transaction.atomic():
        lock(team.organization_id)
        if not TeamInvitation.objects.alive(now).filter(pk=invitation.pk).exists():
            raise InvitationOver
        add_member(team=team, member=user, now=now, by=by)


def decline(*, invitation: TeamInvitation, now: datetime, by: Actor) -> None:
    _end(invitation, "team.invitation.decline", now=now, by=by)


def withdraw(*, invitation: TeamInvitation, now: datetime, by: Actor) -> None:
    _end(invitation, "team.invitation.withdraw", now=now, by=by)


def delete_expired(*, now: datetime, limit: int) -> int:
    """Delete at most ``limit`` invitations that nobody can accept any more; return how many."""
    due = TeamInvitation.objects.filter(expires_at__lte=now).order_by("expires_at", "pk")
    deleted, _ = TeamInvitation.objects.filter(
        pk__in=list(due.values_list("pk", flat=True)[:limit]), expires_at__lte=now
    ).delete()
    return deleted


def _must_agree(user: User, team: Team, by: Actor) -> bool:
    if not settings.BERTH.FEATURE_REQUIRE_TEAM_INVITE or user.username == by.name:
        return False
    here = TeamMember.objects.filter(team__organization=team.organization_id, user=user)
    return not here.exists()


def _invite(*, team: Team, user: User, now: datetime, by: Actor) -> None:
    """To invite again makes the invitation good for longer."""
    with transaction.atomic():
        organization = lock(team.organization_id)
        waiting = TeamInvitation.objects.alive(now).filter(team=team).exclude(user=user)
        if waiting.count() >= MOST_OF_A_TEAM:
            raise TooManyInvitations(str(team), MOST_OF_A_TEAM)
        TeamInvitation.objects.update_or_create(
            team=team,
            user=user,
            defaults={"invited_by": by.name, "created_at": now, "expires_at": now + GOOD_FOR},
        )
        by.did("team.invitation.send", organization.name, now=now, team=team.name, member=str(user))
        _mail(user, organization.name, team, now=now, by=by)


def _end(invitation: TeamInvitation, action: str, *, now: datetime, by: Actor) -> None:
    """Declined or withdrawn at the same time as it is accepted, it is over all the same."""
    team, user = invitation.team, invitation.user
    with transaction.atomic():
        organization = lock(team.organization_id)
        deleted, _ = TeamInvitation.objects.filter(pk=invitation.pk).delete()
        if deleted:
            by.did(action, organization.name, now=now, team=team.name, member=str(user))


def _mail(user: User, organization: str, team: Team, *, now: datetime, by: Actor) -> None:
    """Only to an address that is theirs for sure, and not with every invitation."""
    verified = EmailAddress.objects.filter(user=user, email=user.email, verified=True)
    if not (settings.BERTH.FEATURE_MAILING and verified.exists()):
        return
    if not cache.add(f"invitation-mail:{user.pk}", 1, MAIL_EVERY.total_seconds()):
        return
    place = f" at {settings.BERTH.SERVER_HOSTNAME}" if settings.BERTH.SERVER_HOSTNAME else ""
    days = GOOD_FOR // timedelta(days=1)
    post(
        recipient=user.email,
        subject=f"Berth: an invitation to {organization}",
        body=(
            f"Hello {user.username},\n\n{by.name} asks you to join the team {team.name} of the"
            f" organization {organization} in the registry{place}. To accept or to decline, sign"
            " in, and choose Settings, Invitations.\n\nIf you do nothing, the invitation ends in"
            f" {days} days.\n\nBerth\n"
        ),
        now=now,
    )

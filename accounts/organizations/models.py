"""Organizations, their teams, who is in them, and what new repositories grant by default."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from accounts.names import MAX_NAME_LENGTH
from accounts.users.models import Namespace, Robot

OWNERS = "owners"
MAX_DESCRIPTION_LENGTH = 255


class Organization(models.Model):
    namespace = models.OneToOneField(Namespace, models.PROTECT, related_name="organization")
    email = models.EmailField(blank=True)
    description = models.CharField(max_length=MAX_DESCRIPTION_LENGTH, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.namespace.name


class TeamRole(models.TextChoices):
    """What membership gives in the whole organization."""

    MEMBER = "member", "member: nothing by itself"
    CREATOR = "creator", "creator: may create repositories"
    ADMIN = "admin", "admin: everything in the organization"


class Team(models.Model):
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="teams")
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    role = models.CharField(max_length=7, choices=TeamRole.choices, default=TeamRole.MEMBER)
    description = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="one_team_per_name"),
            models.CheckConstraint(
                condition=Q(role__in=TeamRole.values), name="a_team_has_a_known_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization.name}/{self.name}"


class TeamMember(models.Model):
    """One user or one robot in a team."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="team_memberships",
    )
    robot = models.ForeignKey(
        Robot, models.CASCADE, null=True, blank=True, related_name="team_memberships"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None, robot__isnull=False) | Q(user__isnull=False, robot=None),
                name="a_team_member_is_one_user_or_one_robot",
            ),
            models.UniqueConstraint(fields=["team", "user"], name="a_user_is_in_a_team_once"),
            models.UniqueConstraint(fields=["team", "robot"], name="a_robot_is_in_a_team_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.robot} in {self.team}"


class TeamInvitationQuerySet(models.QuerySet["TeamInvitation"]):
    def alive(self, at: datetime) -> Self:
        """Those that can be accepted."""
        return self.filter(expires_at__gt=at)


TeamInvitationManager = models.Manager.from_queryset(TeamInvitationQuerySet)


class TeamInvitation(models.Model):
    """A person who was asked into a team and has not answered."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="invitations")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="team_invitations"
    )
    invited_by = models.CharField(max_length=MAX_NAME_LENGTH, help_text="a name")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    objects = TeamInvitationManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "user"], name="a_user_is_invited_into_a_team_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} into {self.team}"


class DefaultRole(models.TextChoices):
    READ = "read", "read: pull"
    WRITE = "write", "write: pull, push and delete"
    ADMIN = "admin", "admin: everything in the repository"


class DefaultPermissionQuerySet(models.QuerySet["DefaultPermission"]):
    def activated_by(self, user_id: int | None) -> Self:
        """Those that apply to a repository made by this user; by a robot (None): the general."""
        return self.filter(Q(activating_user=None) | Q(activating_user=user_id))


DefaultPermissionManager = models.Manager.from_queryset(DefaultPermissionQuerySet)


class DefaultPermission(models.Model):
    """What a repository made in this organization grants from its first moment.

    With an activating user it applies to what that user makes, without one to all.
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="default_permissions"
    )
    activating_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="activated_default_permissions",
        help_text="Empty: for repositories created by anybody.",
    )
    delegate_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="default_permissions",
    )
    delegate_robot = models.ForeignKey(
        Robot, models.CASCADE, null=True, blank=True, related_name="default_permissions"
    )
    delegate_team = models.ForeignKey(
        Team, models.CASCADE, null=True, blank=True, related_name="default_permissions"
    )
    role = models.CharField(max_length=5, choices=DefaultRole.choices)

    objects = DefaultPermissionManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(delegate_user__isnull=False, delegate_robot=None, delegate_team=None)
                    | Q(delegate_user=None, delegate_robot__isnull=False, delegate_team=None)
                    | Q(delegate_user=None, delegate_robot=None, delegate_team__isnull=False)
                ),
                name="a_default_permission_has_one_delegate",
            ),
            models.CheckConstraint(
                condition=Q(role__in=DefaultRole.values), name="a_default_permission_has_a_role"
            ),
            # NULLs differ from each other in a unique index, so an absent one counts as 0.
            models.UniqueConstraint(
                F("organization"),
                Coalesce(F("activating_user"), 0),
                Coalesce(F("delegate_user"), 0),
                Coalesce(F("delegate_robot"), 0),
                Coalesce(F("delegate_team"), 0),
                name="one_default_permission_per_delegate",
            ),
        ]

    def __str__(self) -> str:
        delegate = self.delegate_user or self.delegate_robot or self.delegate_team
        return f"{self.organization}: {self.role} for {delegate}"

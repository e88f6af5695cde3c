"""Making organizations and teams, and changing who is in them.

Every change of a membership locks the organization's row first: of two owners who
leave at the same time, the second one sees that the first is gone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import Foreign, LastOwner, NotFirst, TeamExists
from accounts.names import check_name, check_namespace_name
from accounts.organizations.models import (
    MAX_DESCRIPTION_LENGTH,
    OWNERS,
    DefaultPermission,
    DefaultRole,
    Organization,
    Team,
    TeamMember,
    TeamRole,
)
from accounts.users.models import Namespace, Robot, User
from accounts.users.services import (
    bump_access_epoch,
    check_email,
    claim_namespace,
    create_user,
    delete_user,
)
from artifacts.policy.models import ArtifactPolicy


def create_first_administrator(
    *,
    username: str,
    password: str,
    email: str = "",
    must_change_password: bool = False,
    now: datetime,
    by: Actor = SYSTEM,
) -> User:
    """Make the account that a registry begins with, and the organization ``library``, so that a
    push to the bare host name has a home.

    Raises:
        AccountError: ``NotFirst``, where there is an account already, or what ``create_user``
            raises; nothing was made.
    """
    with transaction.atomic():
        bump_access_epoch()  # of two who ask at once, the second waits here and sees the first
        if User.objects.exists():
            raise NotFirst
        owner = create_user(
            username=username,
            password=password,
            email=email,
            is_superuser=True,
            must_change_password=must_change_password,
            now=now,
            by=by,
        )
        if settings.BERTH.FEATURE_LIBRARY_SUPPORT:
            create_organization(name=settings.BERTH.LIBRARY_NAMESPACE, owner=owner, now=now, by=by)
    return owner


def create_organization(
    *,
    name: str,
    owner: User,
    email: str = "",
    description: str = "",
    now: datetime,
    by: Actor = SYSTEM,
) -> Organization:
    """Make an organization with a team ``owners`` that has ``owner`` in it.

    Raises:
        AccountError: ``NameRefused``, ``NameTaken`` or ``EmailRefused``; nothing was made.
    """
    check_namespace_name(name)
    check_email(email)
    with transaction.atomic():
        namespace = claim_namespace(name=name, now=now)
        organization = Organization.objects.create(
            namespace=namespace,
            email=email,
            description=description[:MAX_DESCRIPTION_LENGTH],
            created_at=now,
        )
        owners = organization.teams.create(name=OWNERS, role=TeamRole.ADMIN)
        owners.members.create(user=owner)
        by.did("organization.create", organization.name, now=now, owner=owner.username)
        bump_access_epoch()
    return organization


def change_email(
    *, organization: Organization, email: str, now: datetime, by: Actor = SYSTEM
) -> None:
    check_email(email)
    organization.email = email
    with transaction.atomic():
        organization.save(update_fields=["email"])
        by.did("organization.email.change", organization.name, now=now)


def describe(
    *, organization: Organization, description: str, now: datetime, by: Actor = SYSTEM
) -> None:
    """Say in a sentence what the organization is for."""
    organization.description = description[:MAX_DESCRIPTION_LENGTH]
    with transaction.atomic():
        organization.save(update_fields=["description"])
        by.did("organization.description", organization.name, now=now)


def dissolve(*, organization: Organization, now: datetime, by: Actor = SYSTEM) -> None:
    """Delete an organization with its teams, its robots, its rules and all else that was its own.

    Its name stays taken, so that nobody else can answer to those who still pull by it.
    """
    with transaction.atomic():
        # Whoever is making a repository in it waits, and finds it gone.
        namespace = Namespace.objects.select_for_update().get(pk=organization.namespace_id)
        namespace.artifact_policy = None
        namespace.tag_expiration_seconds = None
        namespace.save(update_fields=["artifact_policy", "tag_expiration_seconds"])
        _delete_what_goes_with(namespace)
        Robot.objects.filter(namespace=namespace).delete()
        name = organization.name
        organization.delete()
        by.did("organization.delete", name, now=now)
        bump_access_epoch()


def _delete_what_goes_with(namespace: Namespace) -> None:
    """The name stays; rows that would be deleted with its row go, whatever room they are of."""
    for relation in Namespace._meta.related_objects:
        if getattr(relation, "on_delete", None) is models.CASCADE:
            rows = relation.related_model._base_manager
            rows.filter(**{relation.field.name: namespace}).delete()


def select_policy(
    *,
    organization: Organization,
    policy: ArtifactPolicy | None,
    now: datetime,
    by: Actor = SYSTEM,
) -> None:
    """Say which artifacts its repositories may hold; ``None``: what the configuration says."""
    namespace = organization.namespace
    namespace.artifact_policy = policy
    with transaction.atomic():
        namespace.save(update_fields=["artifact_policy"])
        by.did(
            "organization.policy.select",
            organization.name,
            now=now,
            policy=policy.name if policy else None,
        )


def create_team(
    *,
    organization: Organization,
    name: str,
    role: TeamRole,
    description: str = "",
    now: datetime,
    by: Actor = SYSTEM,
) -> Team:
    check_name(name)
    with transaction.atomic():
        try:
            with transaction.atomic():
                team = organization.teams.create(
                    name=name, role=TeamRole(role), description=description[:255]
                )
        except IntegrityError:
            raise TeamExists(organization.name, name) from None
        by.did("team.create", organization.name, now=now, team=name, role=role)
        bump_access_epoch()
    return team


def set_team_role(*, team: Team, role: TeamRole, now: datetime, by: Actor = SYSTEM) -> None:
    """Change what membership of ``team`` gives. Refused when nobody would own the organization."""
    team.role = TeamRole(role)
    with transaction.atomic():
        organization = lock(team.organization_id)
        team.save(update_fields=["role"])
        _refuse_without_owner(organization)
        by.did("team.role.change", organization.name, now=now, team=team.name, role=role)
        bump_access_epoch()


def describe_team(*, team: Team, description: str, now: datetime, by: Actor = SYSTEM) -> None:
    team.description = description[:255]
    with transaction.atomic():
        team.save(update_fields=["description"])
        by.did("team.description", team.organization.name, now=now, team=team.name)


def delete_team(*, team: Team, now: datetime, by: Actor = SYSTEM) -> None:
    with transaction.atomic():
        organization = lock(team.organization_id)
        Team.objects.filter(pk=team.pk).delete()
        _refuse_without_owner(organization)
        by.did("team.delete", organization.name, now=now, team=team.name)
        bump_access_epoch()


def add_member(*, team: Team, member: User | Robot, now: datetime, by: Actor = SYSTEM) -> None:
    """Put a user, or a robot of the same organization, into a team. Twice is once."""
    with transaction.atomic():
        organization = lock(team.organization_id)
        _refuse_foreign(member, organization)
        _, created = team.members.get_or_create(**_who(member))
        if isinstance(member, User):
            team.invitations.filter(user=member).delete()
        if not created:
            return
        by.did("team.member.add", organization.name, now=now, team=team.name, member=str(member))
        bump_access_epoch()


def take_ownership(
    *, organization: Organization, user: User, now: datetime, by: Actor = SYSTEM
) -> None:
    """Put a superuser among those who administer an organization, without asking them."""
    teams = organization.teams.filter(role=TeamRole.ADMIN)
    owners = teams.order_by(models.Case(models.When(name=OWNERS, then=0), default=1), "pk")
    add_member(team=owners[0], member=user, now=now, by=by)


def remove_member(*, team: Team, member: User | Robot, now: datetime, by: Actor = SYSTEM) -> None:
    """Take a user or a robot out of a team. Refused for the organization's last owner."""
    with transaction.atomic():
        organization = lock(team.organization_id)
        deleted, _ = team.members.filter(**_who(member)).delete()
        if not deleted:
            return
        _refuse_without_owner(organization)
        by.did("team.member.remove", organization.name, now=now, team=team.name, member=str(member))
        bump_access_epoch()


def leave(
    *, organization: Organization, teams: Sequence[Team], user: User, now: datetime, by: Actor
) -> None:
    """Take somebody out of ``teams``, as they wish. Refused for the organization's last owner."""
    with transaction.atomic():
        locked = lock(organization.pk)
        theirs = TeamMember.objects.filter(
            team__in=teams, team__organization=locked, user=user
        ).select_related("team")
        memberships = list(theirs.order_by("team__name"))
        if not memberships:
            return
        TeamMember.objects.filter(pk__in=[membership.pk for membership in memberships]).delete()
        _refuse_without_owner(locked)
        for membership in memberships:
            by.did("team.member.leave", locked.name, now=now, team=membership.team.name)
        bump_access_epoch()


def set_default_permission(
    *,
    organization: Organization,
    delegate: User | Robot | Team,
    role: DefaultRole,
    activating_user: User | None = None,
    now: datetime,
    by: Actor = SYSTEM,
) -> DefaultPermission:
    """Grant ``role`` on every repository made from now on, or only on those of one maker."""
    with transaction.atomic():
        lock(organization.pk)
        _refuse_foreign(delegate, organization)
        permission, _ = organization.default_permissions.update_or_create(
            activating_user=activating_user,
            **_delegate(delegate),
            defaults={"role": DefaultRole(role)},
        )
        by.did(
            "default-permission.set",
            organization.name,
            now=now,
            delegate=str(delegate),
            role=role,
            activating_user=str(activating_user or ""),
        )
        bump_access_epoch()
    return permission


def delete_default_permission(
    *, permission: DefaultPermission, now: datetime, by: Actor = SYSTEM
) -> None:
    organization = permission.organization
    with transaction.atomic():
        by.did("default-permission.delete", organization.name, now=now, what=str(permission))
        permission.delete()
        bump_access_epoch()


def delete_account(*, user: User, now: datetime, by: Actor = SYSTEM) -> None:
    """Delete a person's account with all that is only theirs. Its name stays taken.

    Raises:
        AccountError: ``LastOwner``, ``LastSuperuser`` or ``NotEmpty``; nothing was deleted.
    """
    owned = list(
        Organization.objects.select_related("namespace")
        .filter(teams__members__user=user, teams__role=TeamRole.ADMIN)
        .order_by("pk")
        .distinct()
    )
    with transaction.atomic():
        delete_user(user=user, now=now, by=by)
        for organization in owned:
            check_organization(organization)


def check_organization(organization: Organization) -> None:
    """Undo (by raising) changes made row by row that break a rule the services keep.

    Raises:
        LastOwner: nobody owns the organization any more.
        Foreign: a robot or a team of another organization was given something in it.
    """
    lock(organization.pk)
    _refuse_without_owner(organization)
    robots = Robot.objects.select_related("namespace").filter(
        Q(team_memberships__team__organization=organization)
        | Q(default_permissions__organization=organization)
    )
    if robot := robots.exclude(namespace=organization.namespace_id).first():
        _refuse_foreign(robot, organization)
    teams = Team.objects.select_related("organization__namespace").filter(
        default_permissions__organization=organization
    )
    if team := teams.exclude(organization=organization).first():
        _refuse_foreign(team, organization)


def lock(organization_id: int) -> Organization:
    """Let changes of memberships in one organization wait for each other."""
    organizations = Organization.objects.select_related("namespace")
    return organizations.select_for_update(of=("self",)).get(pk=organization_id)


def _delegate(delegate: User | Robot | Team) -> dict[str, Any]:
    """The one of the three columns that is set, and that the others are not."""
    columns: dict[str, Any] = dict.fromkeys(("delegate_user", "delegate_robot", "delegate_team"))
    match delegate:
        case User():
            columns["delegate_user"] = delegate
        case Robot():
            columns["delegate_robot"] = delegate
        case Team():
            columns["delegate_team"] = delegate
    return columns


def _who(member: User | Robot) -> dict[str, Any]:
    return {"user": member} if isinstance(member, User) else {"robot": member}


def _refuse_foreign(member: User | Robot | Team, organization: Organization) -> None:
    if isinstance(member, Robot) and member.namespace_id != organization.namespace_id:
        raise Foreign("robot", member.name, organization.name)
    if isinstance(member, Team) and member.organization_id != organization.pk:
        raise Foreign("team", str(member), organization.name)


def _refuse_without_owner(organization: Organization) -> None:
    """Undo (by raising) a change after which no person has a team with the role admin."""
    owners = TeamMember.objects.filter(
        team__organization=organization, team__role=TeamRole.ADMIN, user__isnull=False
    )
    if not owners.exists():
        raise LastOwner(organization.name)

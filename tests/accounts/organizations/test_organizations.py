"""Organizations, teams, members and default permissions."""

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from accounts.audit.models import AuditEvent
from accounts.errors import Foreign, LastOwner, NameRefused, NameTaken, TeamExists
from accounts.organizations import services
from accounts.organizations.models import (
    DefaultPermission,
    DefaultRole,
    Organization,
    Team,
    TeamMember,
    TeamRole,
)
from accounts.users.models import Namespace, Robot, User
from accounts.users.services import access_epoch, create_robot


@pytest.fixture
def owners(acme: Organization) -> Team:
    return acme.teams.get()


@pytest.fixture
def developers(acme: Organization, now: datetime) -> Team:
    return services.create_team(
        organization=acme, name="developers", role=TeamRole.CREATOR, now=now
    )


def test_a_new_organization_is_owned_by_its_maker(owners: Team, alice: User) -> None:
    assert owners.name == "owners"
    assert owners.role == TeamRole.ADMIN
    assert [member.user for member in owners.members.all()] == [alice]


def test_a_reserved_name_is_refused(alice: User, now: datetime) -> None:
    with pytest.raises(NameRefused):
        services.create_organization(name="api", owner=alice, now=now)


def test_the_last_owner_cannot_be_removed(owners: Team, alice: User, now: datetime) -> None:
    with pytest.raises(LastOwner):
        services.remove_member(team=owners, member=alice, now=now)

    assert owners.members.count() == 1


def test_the_last_owner_s_team_cannot_be_deleted_or_demoted(owners: Team, now: datetime) -> None:
    with pytest.raises(LastOwner):
        services.delete_team(team=owners, now=now)
    with pytest.raises(LastOwner):
        services.set_team_role(team=owners, role=TeamRole.MEMBER, now=now)

    assert Team.objects.get().role == TeamRole.ADMIN


def test_a_robot_does_not_count_as_an_owner(
    owners: Team, alice: User, robot: Robot, now: datetime
) -> None:
    services.add_member(team=owners, member=robot, now=now)

    with pytest.raises(LastOwner):
        services.remove_member(team=owners, member=alice, now=now)


def test_an_owner_may_leave_when_another_one_stays(
    owners: Team, alice: User, bob: User, now: datetime
) -> None:
    services.add_member(team=owners, member=bob, now=now)

    services.remove_member(team=owners, member=alice, now=now)

    assert [member.user for member in owners.members.all()] == [bob]


def test_another_team_with_the_role_admin_is_an_owner_too(
    acme: Organization, owners: Team, alice: User, bob: User, now: datetime
) -> None:
    admins = services.create_team(organization=acme, name="admins", role=TeamRole.ADMIN, now=now)
    services.add_member(team=admins, member=bob, now=now)

    services.delete_team(team=owners, now=now)

    assert acme.teams.get() == admins


def test_a_team_has_its_name_once(acme: Organization, developers: Team, now: datetime) -> None:
    with pytest.raises(TeamExists):
        services.create_team(organization=acme, name="developers", role=TeamRole.MEMBER, now=now)


def test_adding_a_member_twice_is_adding_it_once(
    developers: Team, bob: User, now: datetime
) -> None:
    services.add_member(team=developers, member=bob, now=now)
    epoch = access_epoch()

    services.add_member(team=developers, member=bob, now=now)

    assert developers.members.count() == 1
    assert access_epoch() == epoch


def test_a_robot_of_somebody_else_cannot_be_a_member(
    developers: Team, bob: User, now: datetime
) -> None:
    stranger = create_robot(owner=bob.namespace, short_name="ci", now=now)

    with pytest.raises(Foreign):
        services.add_member(team=developers, member=stranger, now=now)


def test_a_member_is_a_user_or_a_robot_never_both_or_none(
    developers: Team, bob: User, robot: Robot
) -> None:
    for columns in ({}, {"user": bob, "robot": robot}):
        with pytest.raises(IntegrityError), transaction.atomic():
            TeamMember.objects.create(team=developers, **columns)


def test_a_default_permission_is_replaced_not_doubled(
    acme: Organization, developers: Team, now: datetime
) -> None:
    for role in (DefaultRole.READ, DefaultRole.WRITE):
        services.set_default_permission(organization=acme, delegate=developers, role=role, now=now)

    assert acme.default_permissions.get().role == DefaultRole.WRITE


def test_two_default_permissions_for_one_delegate_cannot_be_stored(
    acme: Organization, developers: Team
) -> None:
    DefaultPermission.objects.create(organization=acme, delegate_team=developers, role="read")

    with pytest.raises(IntegrityError), transaction.atomic():
        DefaultPermission.objects.create(organization=acme, delegate_team=developers, role="admin")


def test_a_default_permission_has_one_delegate(
    acme: Organization, developers: Team, bob: User
) -> None:
    for delegates in ({}, {"delegate_team": developers, "delegate_user": bob}):
        with pytest.raises(IntegrityError), transaction.atomic():
            DefaultPermission.objects.create(organization=acme, role="read", **delegates)


def test_a_default_permission_applies_to_one_maker_or_to_all(
    acme: Organization, developers: Team, alice: User, bob: User, now: datetime
) -> None:
    everyone = services.set_default_permission(
        organization=acme, delegate=developers, role=DefaultRole.READ, now=now
    )
    of_bob = services.set_default_permission(
        organization=acme, delegate=bob, role=DefaultRole.ADMIN, activating_user=bob, now=now
    )

    assert set(acme.default_permissions.activated_by(bob.pk)) == {everyone, of_bob}
    assert set(acme.default_permissions.activated_by(alice.pk)) == {everyone}
    assert set(acme.default_permissions.activated_by(None)) == {everyone}


def test_a_team_of_another_organization_gets_nothing(
    acme: Organization, bob: User, now: datetime
) -> None:
    other = services.create_organization(name="other", owner=bob, now=now)

    with pytest.raises(Foreign):
        services.set_default_permission(
            organization=acme, delegate=other.teams.get(), role=DefaultRole.READ, now=now
        )


def test_every_change_of_rights_is_audited_and_moves_the_epoch(
    acme: Organization, bob: User, now: datetime
) -> None:
    def changed(action: str, epoch: int) -> int:
        assert AuditEvent.objects.filter(action=action, target="acme").exists(), action
        assert access_epoch() > epoch, action
        return access_epoch()

    epoch = access_epoch()
    team = services.create_team(organization=acme, name="team1", role=TeamRole.MEMBER, now=now)
    epoch = changed("team.create", epoch)
    services.add_member(team=team, member=bob, now=now)
    epoch = changed("team.member.add", epoch)
    services.set_team_role(team=team, role=TeamRole.ADMIN, now=now)
    epoch = changed("team.role.change", epoch)
    permission = services.set_default_permission(
        organization=acme, delegate=team, role=DefaultRole.READ, now=now
    )
    epoch = changed("default-permission.set", epoch)
    services.delete_default_permission(permission=permission, now=now)
    epoch = changed("default-permission.delete", epoch)
    services.remove_member(team=team, member=bob, now=now)
    epoch = changed("team.member.remove", epoch)
    services.delete_team(team=team, now=now)
    changed("team.delete", epoch)


def test_an_organization_says_what_it_is_for(
    acme: Organization, owners: Team, now: datetime
) -> None:
    services.describe(organization=acme, description="Boxes" * 100, now=now)
    services.describe_team(team=owners, description="They decide", now=now)

    acme.refresh_from_db()
    owners.refresh_from_db()
    assert len(acme.description) == 255
    assert owners.description == "They decide"
    assert AuditEvent.objects.filter(action="organization.description", target="acme").exists()
    assert AuditEvent.objects.filter(action="team.description", target="acme").exists()


def test_an_organization_that_is_dissolved_leaves_its_name_behind(
    acme: Organization, robot: Robot, developers: Team, alice: User, now: datetime
) -> None:
    services.add_member(team=developers, member=robot, now=now)
    services.set_default_permission(
        organization=acme, delegate=robot, role=DefaultRole.READ, now=now
    )
    before = access_epoch()

    services.dissolve(organization=acme, now=now)

    assert not Organization.objects.exists()
    assert not Team.objects.exists()
    assert not Robot.objects.exists()
    assert access_epoch() > before
    assert not Namespace.objects.held().filter(name="acme").exists()
    with pytest.raises(NameTaken):
        services.create_organization(name="acme", owner=alice, now=now)

"""Users, robots, the shared name space and the access epoch."""

from collections.abc import Callable
from datetime import datetime

import pytest

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor, record
from accounts.errors import (
    AccountError,
    EmailRefused,
    LastSuperuser,
    NameRefused,
    NameTaken,
    PasswordRefused,
    RobotExists,
)
from accounts.organizations.models import Organization
from accounts.organizations.services import create_organization
from accounts.users import services
from accounts.users.models import Namespace, Robot, User
from accounts.users.passwords import Argon2Hasher
from tests.accounts.conftest import PASSWORD


@pytest.mark.django_db
def test_a_new_user_holds_the_namespace_and_an_argon2_hash(now: datetime) -> None:
    user = services.create_user(username="carol", password=PASSWORD, email="c@x.org", now=now)

    user.refresh_from_db()
    assert user.namespace.name == "carol"
    assert user.password.startswith("argon2$argon2id$")
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert user.date_joined == now


def test_a_password_is_hashed_as_owasp_says() -> None:
    encoded = Argon2Hasher().encode("x", "salt-salt")
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_user_cannot_take_the_name_of_an_organization(acme: Organization, now: datetime) -> None:
    with pytest.raises(NameTaken, match="'acme' is already taken"):
        services.create_user(username="acme", password=PASSWORD, now=now)

    assert not User.objects.filter(username="acme").exists()


def test_an_organization_cannot_take_the_name_of_a_user(alice: User, now: datetime) -> None:
    with pytest.raises(NameTaken):
        create_organization(name="alice", owner=alice, now=now)

    assert not Organization.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["short", "password", "12345678", "", "x" * 1025, "a\0b" * 9])
def test_a_weak_password_is_refused_and_nothing_is_made(password: str, now: datetime) -> None:
    with pytest.raises(PasswordRefused):
        services.create_user(username="carol", password=password, now=now)

    assert not Namespace.objects.exists()


@pytest.mark.django_db
def test_a_password_like_the_name_is_refused(now: datetime) -> None:
    with pytest.raises(PasswordRefused):
        services.create_user(username="caroline", password="caroline1", now=now)


@pytest.mark.django_db
def test_only_the_first_administrator_may_be_called_admin(now: datetime) -> None:
    with pytest.raises(NameRefused):
        services.create_user(username="admin", password=PASSWORD, now=now)

    admin = services.create_user(username="admin", password=PASSWORD, is_superuser=True, now=now)

    assert admin.is_superuser
    assert admin.is_staff


@pytest.mark.django_db
def test_several_accounts_may_name_one_address(now: datetime) -> None:
    for name in ("carol", "dave"):
        services.create_user(username=name, password=PASSWORD, email="c@x.org", now=now)

    assert User.objects.filter(email="c@x.org").count() == 2


@pytest.mark.django_db
def test_what_is_no_address_is_refused(now: datetime) -> None:
    with pytest.raises(EmailRefused):
        services.create_user(username="dave", password=PASSWORD, email="not an address", now=now)

    assert not Namespace.objects.filter(name="dave").exists()


def test_any_number_of_accounts_has_no_address(alice: User, bob: User) -> None:
    assert User.objects.filter(email="").count() == 2


def test_the_last_superuser_stays(alice: User, now: datetime) -> None:
    services.make_superuser(user=alice, now=now)

    with pytest.raises(LastSuperuser):
        services.unmake_superuser(user=alice, now=now)
    with pytest.raises(LastSuperuser):
        services.disable_user(user=alice, now=now)

    alice.refresh_from_db()
    assert alice.is_superuser
    assert alice.is_active


def test_one_of_two_superusers_may_go(alice: User, bob: User, now: datetime) -> None:
    services.make_superuser(user=alice, now=now)
    services.make_superuser(user=bob, now=now)

    services.unmake_superuser(user=alice, now=now)

    alice.refresh_from_db()
    assert not alice.is_superuser
    assert not alice.is_staff


def test_a_robot_is_named_after_its_owner(robot: Robot) -> None:
    assert robot.name == "acme+ci"
    assert Robot.objects.named("acme+ci").get() == robot
    assert not Robot.objects.named("acme").exists()
    assert not Robot.objects.named("alice+ci").exists()


def test_a_robot_exists_once_per_owner(robot: Robot, alice: User, now: datetime) -> None:
    with pytest.raises(RobotExists, match=r"acme\+ci"):
        services.create_robot(owner=robot.namespace, short_name="ci", now=now)

    services.create_robot(owner=alice.namespace, short_name="ci", now=now)


def test_a_robot_s_name_follows_the_grammar(acme: Organization, now: datetime) -> None:
    with pytest.raises(NameRefused):
        services.create_robot(owner=acme.namespace, short_name="a+b", now=now)


CHANGES: dict[str, Callable[[User, Robot, datetime], object]] = {
    "user.disable": lambda user, robot, now: services.disable_user(user=user, now=now),
    "user.enable": lambda user, robot, now: services.enable_user(user=user, now=now),
    "user.superuser.grant": lambda user, robot, now: services.make_superuser(user=user, now=now),
    "user.superuser.revoke": lambda user, robot, now: services.unmake_superuser(user=user, now=now),
    "user.password.change": lambda user, robot, now: services.change_password(
        user=user, password="another good one", now=now
    ),
    "robot.disable": lambda user, robot, now: services.disable_robot(robot=robot, now=now),
    "robot.enable": lambda user, robot, now: services.enable_robot(robot=robot, now=now),
    "robot.delete": lambda user, robot, now: services.delete_robot(robot=robot, now=now),
}


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_of_rights_is_audited_and_moves_the_epoch(
    action: str, bob: User, robot: Robot, now: datetime
) -> None:
    before = services.access_epoch()

    CHANGES[action](bob, robot, now)

    assert services.access_epoch() > before
    assert AuditEvent.objects.filter(action=action, at=now, actor="system").count() == 1


def test_a_refused_change_leaves_no_trace(alice: User, now: datetime) -> None:
    epoch, events = services.access_epoch(), AuditEvent.objects.count()

    with pytest.raises(AccountError):
        services.create_user(username="alice", password=PASSWORD, now=now)

    assert services.access_epoch() == epoch
    assert AuditEvent.objects.count() == events


@pytest.mark.django_db
def test_the_audit_trail_names_who_and_from_where_but_no_secret(now: datetime) -> None:
    by = Actor("root", address="192.0.2.7")

    services.create_user(username="carol", password=PASSWORD, now=now, by=by)

    event = AuditEvent.objects.get(action="user.create")
    assert (event.actor, event.target, event.address) == ("root", "carol", "192.0.2.7")
    assert PASSWORD not in event.detail


@pytest.mark.django_db
def test_the_audit_trail_takes_any_text(now: datetime) -> None:
    odd = "half \ud83d nul \x00"
    event = record(
        actor=odd, action="user.create", target=odd, now=now, address=odd, place=odd, said=odd
    )

    event.refresh_from_db()

    kept = "half \ufffd nul \ufffd"
    assert (event.actor, event.target, event.address) == (kept, kept, kept)
    assert event.facts == {"said": kept}


@pytest.mark.django_db
def test_facts_that_an_older_version_kept_are_readable(now: datetime) -> None:
    event = AuditEvent.objects.create(
        at=now, actor="alice", action="user.create", target="x", detail='{"said": "\\ud83d"}'
    )

    assert event.facts == {"said": "\ufffd"}


@pytest.mark.django_db
def test_the_audit_trail_is_only_added_to(now: datetime) -> None:
    services.create_user(username="carol", password=PASSWORD, now=now)
    event = AuditEvent.objects.get()

    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        event.delete()
    with pytest.raises(TypeError):
        AuditEvent.objects.all().delete()
    with pytest.raises(TypeError):
        AuditEvent.objects.update(actor="nobody")


@pytest.mark.django_db
def test_the_epoch_begins_without_a_row() -> None:
    before = services.access_epoch()

    services.bump_access_epoch()

    assert services.access_epoch() == before + 1

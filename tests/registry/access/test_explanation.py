"""The words about rights say exactly what the decision says, for everybody and every way."""

from itertools import chain, combinations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.organizations.models import Organization, TeamRole
from accounts.organizations.services import add_member, create_team
from accounts.users.models import Robot, User
from registry.access.explanation import Reason, Source, explain, holders_of
from registry.access.rights import rights_in
from registry.repositories.models import Repository, RepositoryGrant, Role
from registry.repositories.services import grant, set_visibility
from tests.registry.builders import (
    NOW,
    make_organization,
    make_repository,
    make_robot,
    make_user,
    principal_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme")


@pytest.fixture
def web(acme: Organization) -> Repository:
    repository = make_repository("acme/web")
    RepositoryGrant.objects.filter(repository=repository).delete()
    return repository


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def principal(account: User | Robot | None) -> Principal:
    return principal_of(account) if account is not None else ANONYMOUS


def assert_agrees(account: User | Robot | None, repository: Repository) -> None:
    said = explain(account=account, repository=repository).actions
    held = rights_in(principal=principal(account), path=repository.path, repository=repository)
    assert said == held, (str(account), repository.path)


# --- It always agrees with the decision ---------------------------------------------------------

WAYS = ("read", "write", "team read", "team admin", "admin team", "creator team", "public")


def _open(way: str, repository: Repository, organization: Organization, member: User) -> None:
    match way:
        case "read" | "write":
            grant(repository=repository, role=Role(way), holder=member, now=NOW)
        case "public":
            set_visibility(repository=repository, is_public=True, now=NOW)
        case "team read" | "team admin":
            team = create_team(
                organization=organization, name=way.replace(" ", "-"), role=TeamRole.MEMBER, now=NOW
            )
            add_member(team=team, member=member, now=NOW)
            role = Role(way.removeprefix("team "))
            grant(repository=repository, role=role, holder=team, now=NOW)
        case _:
            standing = TeamRole(way.removesuffix(" team"))
            team = create_team(organization=organization, name=standing, role=standing, now=NOW)
            add_member(team=team, member=member, now=NOW)


@pytest.mark.parametrize("full_access", [True, False])
@pytest.mark.parametrize(
    "ways", list(chain.from_iterable(combinations(WAYS, size) for size in range(3))), ids=str
)
def test_it_says_what_is_decided(
    ways: tuple[str, ...],
    full_access: bool,
    acme: Organization,
    web: Repository,
    bob: User,
    settings: Settings,
) -> None:
    settings.FEATURE_SUPERUSERS_FULL_ACCESS = full_access
    robot, chief = make_robot(acme), make_user("chief", is_superuser=True)
    elsewhere = make_repository("bob/own")
    for way in ways:
        _open(way, web, acme, bob)
        if way != "public":
            _open_to_robot(way, web, acme, robot)
    web.refresh_from_db()

    accounts: list[User | Robot | None] = [*User.objects.all(), robot, None]
    for account in accounts:
        assert_agrees(account, web)
        assert_agrees(account, elsewhere)
    listed = {one.name: one.actions for one in holders_of(web).listed}
    own = {
        one.name
        for one in (explain(account=account, repository=web) for account in accounts[:-1])
        if any(reason.source != Source.PUBLIC for reason in one.reasons)
    }
    assert own <= set(listed)
    for account in accounts[:-1]:
        said = explain(account=account, repository=web)
        assert listed.get(said.name, said.actions) == said.actions
    assert ("chief" in listed) is full_access
    assert chief.is_superuser


def _open_to_robot(
    way: str, repository: Repository, organization: Organization, robot: Robot
) -> None:
    if way in {"read", "write"}:
        grant(repository=repository, role=Role(way), holder=robot, now=NOW)
    else:
        name = way.replace(" ", "-") if way.startswith("team") else way.removesuffix(" team")
        add_member(team=organization.teams.get(name=name), member=robot, now=NOW)


@pytest.mark.parametrize("is_allowed", [True, False])
def test_of_somebody_who_is_not_signed_in_too(
    web: Repository, settings: Settings, is_allowed: bool
) -> None:
    settings.FEATURE_ANONYMOUS_ACCESS = is_allowed
    assert_agrees(None, web)
    set_visibility(repository=web, is_public=True, now=NOW)
    assert_agrees(None, web)
    assert bool(explain(account=None, repository=web).actions) is is_allowed


# --- What it says -------------------------------------------------------------------------------


def test_every_reason_is_named(acme: Organization, web: Repository, bob: User) -> None:
    for way in ("read", "team admin", "admin team", "public"):
        _open(way, web, acme, bob)

    said = [str(reason) for reason in explain(account=bob, repository=web).reasons]

    assert said == [
        "has the role read here",
        "the team admin administers the organization",
        "the team team-admin has the role admin here",
        "the repository is public",
    ]


def test_the_owner_of_a_namespace_is_told_so(bob: User) -> None:
    own = make_repository("bob/own")
    (reason,) = explain(account=bob, repository=own).reasons
    assert str(reason) == "the repository is in their own namespace"


def test_long_lists_are_cut_and_say_so(web: Repository) -> None:
    for number in range(4):
        holder = make_user(f"user-{number}")
        grant(repository=web, role=Role.READ, holder=holder, now=NOW)

    cut = holders_of(web, limit=3)

    assert [one.name for one in cut.listed] == ["acme-owner", "user-0", "user-1"]
    assert cut.has_more
    assert not holders_of(web, limit=5).has_more


def test_the_list_costs_as_many_queries_for_many_as_for_one(
    acme: Organization, web: Repository
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            for one in holders_of(web).listed:
                assert one.name
        return len(captured)

    count()  # reads the organization
    few = count()
    for number in range(20):
        robot = make_robot(acme, f"robot-{number}")
        grant(repository=web, role=Role.WRITE, holder=robot, now=NOW)
        grant(repository=web, role=Role.READ, holder=make_user(f"user-{number}"), now=NOW)

    assert count() == few


def test_a_superuser_is_told_which_key_gives_the_right() -> None:
    reason = Reason(Source.SUPERUSER, frozenset({"pull"}))

    assert str(reason) == "superusers may do everything here (FEATURE_SUPERUSERS_FULL_ACCESS)"

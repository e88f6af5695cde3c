"""Who may do what: every way to a right, and every ceiling above it."""

import pytest
from pytest_django import Settings

from accounts.credentials.principals import ANONYMOUS, Principal, Scope
from accounts.organizations.models import DefaultRole, Organization, TeamRole
from accounts.organizations.services import add_member, create_team, set_default_permission
from accounts.users.models import Robot, User
from accounts.users.services import create_robot
from registry.access.rights import catalog_of, readable_repositories, rights_in
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from tests.registry.builders import (
    NOW,
    make_organization,
    make_repository,
    make_robot,
    make_user,
    principal_of,
)

pytestmark = pytest.mark.django_db

NOTHING: set[str] = set()
READ = {"pull"}
WRITE = {"pull", "push", "delete"}
ALL = {"pull", "push", "delete", "*"}
OF_ROLE = [(Role.READ, READ), (Role.WRITE, WRITE), (Role.ADMIN, ALL)]


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme")


@pytest.fixture
def web(acme: Organization) -> Repository:
    return make_repository("acme/web")


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def robot(acme: Organization) -> Robot:
    return make_robot(acme)


def rights(principal: Principal, repository: Repository) -> set[str]:
    """The rights in a repository, which its lists must agree with."""
    held = rights_in(principal=principal, path=repository.path, repository=repository)
    readable = readable_repositories(principal).filter(pk=repository.pk).exists()
    assert readable == ("pull" in held) or principal.scope != "admin"
    return set(held)


def rights_to_create(principal: Principal, path: str) -> set[str]:
    return set(rights_in(principal=principal, path=path, repository=None))


def team_of(organization: Organization, member: User | Robot, role: TeamRole) -> None:
    team = create_team(organization=organization, name=f"team-{role}", role=role, now=NOW)
    add_member(team=team, member=member, now=NOW)


# --- Repositories that exist --------------------------------------------------------------------


def test_a_stranger_has_no_rights(web: Repository, bob: User, robot: Robot) -> None:
    for principal in (principal_of(bob), principal_of(robot), ANONYMOUS):
        assert rights(principal, web) == NOTHING


def test_users_may_do_everything_in_their_own_namespace(bob: User) -> None:
    assert rights(principal_of(bob), make_repository("bob/web")) == ALL


def test_a_robot_has_no_rights_in_its_owners_namespace(bob: User) -> None:
    robot = create_robot(owner=bob.namespace, short_name="ci", now=NOW)

    assert rights(principal_of(robot), make_repository("bob/web")) == NOTHING


@pytest.mark.parametrize(
    ("role", "expected"),
    [(TeamRole.ADMIN, ALL), (TeamRole.CREATOR, NOTHING), (TeamRole.MEMBER, NOTHING)],
)
def test_only_admins_of_an_organization_have_rights_in_all_its_repositories(
    acme: Organization, web: Repository, bob: User, role: TeamRole, expected: set[str]
) -> None:
    team_of(acme, bob, role)

    assert rights(principal_of(bob), web) == expected


def test_an_admin_of_one_organization_has_no_rights_in_another(bob: User) -> None:
    team_of(make_organization("other"), bob, TeamRole.ADMIN)

    assert rights(principal_of(bob), make_repository("acme/web")) == NOTHING


def test_a_robot_in_an_admin_team_has_the_teams_rights(
    acme: Organization, web: Repository, robot: Robot
) -> None:
    team_of(acme, robot, TeamRole.ADMIN)

    assert rights(principal_of(robot), web) == ALL


@pytest.mark.parametrize(("role", "expected"), OF_ROLE)
def test_a_grant_to_a_user_gives_its_role(
    web: Repository, bob: User, role: Role, expected: set[str]
) -> None:
    grant(repository=web, role=role, holder=bob, now=NOW)

    assert rights(principal_of(bob), web) == expected


@pytest.mark.parametrize(("role", "expected"), OF_ROLE)
def test_a_grant_to_a_robot_gives_its_role(
    web: Repository, robot: Robot, role: Role, expected: set[str]
) -> None:
    grant(repository=web, role=role, holder=robot, now=NOW)

    assert rights(principal_of(robot), web) == expected


@pytest.mark.parametrize(("role", "expected"), OF_ROLE)
def test_a_grant_to_a_team_gives_its_role_to_every_member(
    acme: Organization, web: Repository, bob: User, robot: Robot, role: Role, expected: set[str]
) -> None:
    team = create_team(organization=acme, name="devs", role=TeamRole.MEMBER, now=NOW)
    add_member(team=team, member=bob, now=NOW)
    add_member(team=team, member=robot, now=NOW)
    grant(repository=web, role=role, holder=team, now=NOW)

    assert rights(principal_of(bob), web) == expected
    assert rights(principal_of(robot), web) == expected
    assert rights(principal_of(make_user("carol")), web) == NOTHING


def test_a_grant_counts_in_its_repository_only(web: Repository, bob: User) -> None:
    grant(repository=web, role=Role.ADMIN, holder=bob, now=NOW)

    assert rights(principal_of(bob), make_repository("acme/other")) == NOTHING


def test_of_several_grants_the_largest_counts(
    acme: Organization, web: Repository, bob: User
) -> None:
    team = create_team(organization=acme, name="devs", role=TeamRole.MEMBER, now=NOW)
    add_member(team=team, member=bob, now=NOW)
    grant(repository=web, role=Role.WRITE, holder=team, now=NOW)
    grant(repository=web, role=Role.READ, holder=bob, now=NOW)

    assert rights(principal_of(bob), web) == WRITE


def test_a_second_grant_takes_the_place_of_the_first(web: Repository, bob: User) -> None:
    grant(repository=web, role=Role.ADMIN, holder=bob, now=NOW)
    grant(repository=web, role=Role.READ, holder=bob, now=NOW)

    assert rights(principal_of(bob), web) == READ


def test_a_user_and_a_robot_of_the_same_number_are_two(acme: Organization, web: Repository) -> None:
    robot = Robot.objects.create(
        id=9000, namespace=acme.namespace, short_name="nine", created_at=NOW
    )
    grant(repository=web, role=Role.ADMIN, holder=robot, now=NOW)
    team_of(acme, robot, TeamRole.ADMIN)

    assert rights(Principal("user", id=9000, name="nine"), web) == NOTHING
    assert rights_to_create(Principal("user", id=9000, name="nine"), "acme/new") == NOTHING


def test_everybody_may_pull_what_is_public(acme: Organization, bob: User, robot: Robot) -> None:
    public = make_repository("acme/public", is_public=True)

    for principal in (principal_of(bob), principal_of(robot), ANONYMOUS):
        assert rights(principal, public) == READ


def test_nobody_unknown_may_pull_where_anonymous_access_is_off(
    acme: Organization, bob: User, settings: Settings
) -> None:
    settings.FEATURE_ANONYMOUS_ACCESS = False
    public = make_repository("acme/public", is_public=True)

    assert rights(ANONYMOUS, public) == NOTHING
    assert rights(principal_of(bob), public) == READ


def test_a_superuser_has_all_rights_only_where_the_setting_says_so(
    web: Repository, bob: User, settings: Settings
) -> None:
    superuser = principal_of(bob, is_superuser=True)

    assert rights(superuser, web) == NOTHING
    settings.FEATURE_SUPERUSERS_FULL_ACCESS = True
    assert rights(superuser, web) == ALL
    assert rights_to_create(superuser, "acme/new") == ALL
    assert rights_to_create(superuser, "nobody/new") == NOTHING
    assert rights(principal_of(bob, is_superuser=False), web) == NOTHING


# --- Ceilings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("scope", "ceiling"), [("read", READ), ("write", WRITE), ("admin", ALL)])
def test_a_tokens_scope_is_the_most_it_may(
    bob: User, settings: Settings, scope: Scope, ceiling: set[str]
) -> None:
    own = make_repository("bob/web")
    limited = principal_of(bob, scope=scope)

    assert rights(limited, own) == ceiling
    assert rights_to_create(limited, "bob/new") == ceiling
    settings.FEATURE_SUPERUSERS_FULL_ACCESS = True
    almighty = principal_of(bob, scope=scope, is_superuser=True)
    assert rights(almighty, make_repository("acme/web")) == ceiling


def test_a_scope_adds_nothing(web: Repository, bob: User) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=NOW)

    assert rights(principal_of(bob, scope="write"), web) == READ


# --- Repositories that do not exist yet ---------------------------------------------------------


def test_users_may_create_in_their_own_namespace(bob: User) -> None:
    assert rights_to_create(principal_of(bob), "bob/new") == ALL
    assert rights_to_create(principal_of(bob), "bob/deep/er/new") == ALL


@pytest.mark.parametrize(
    ("role", "expected"),
    [(TeamRole.ADMIN, ALL), (TeamRole.CREATOR, ALL), (TeamRole.MEMBER, NOTHING)],
)
def test_admins_and_creators_may_create_in_an_organization(
    acme: Organization, bob: User, robot: Robot, role: TeamRole, expected: set[str]
) -> None:
    team = create_team(organization=acme, name="team", role=role, now=NOW)
    for member in (bob, robot):
        add_member(team=team, member=member, now=NOW)
        assert rights_to_create(principal_of(member), "acme/new") == expected


def test_nobody_else_may_create(acme: Organization, bob: User, robot: Robot) -> None:
    own_robot = create_robot(owner=bob.namespace, short_name="ci", now=NOW)

    for principal in (principal_of(bob), principal_of(robot), ANONYMOUS):
        assert rights_to_create(principal, "acme/new") == NOTHING
    assert rights_to_create(principal_of(own_robot), "bob/new") == NOTHING
    assert rights_to_create(principal_of(bob), "nobody/new") == NOTHING
    assert rights_to_create(principal_of(bob), "bobby/new") == NOTHING


# --- What a new repository grants ---------------------------------------------------------------


def test_who_creates_in_an_organization_may_do_everything_in_what_he_made(
    acme: Organization, bob: User, robot: Robot
) -> None:
    team_of(acme, bob, TeamRole.CREATOR)

    assert rights(principal_of(bob), make_repository("acme/b", creator=principal_of(bob))) == ALL
    by_robot = make_repository("acme/r", creator=principal_of(robot))
    assert rights(principal_of(robot), by_robot) == ALL
    assert rights(principal_of(bob), by_robot) == NOTHING


def test_default_permissions_apply_to_new_repositories_of_their_organization(
    acme: Organization, web: Repository, bob: User, robot: Robot
) -> None:
    team = create_team(organization=acme, name="devs", role=TeamRole.MEMBER, now=NOW)
    carol = make_user("carol")
    add_member(team=team, member=carol, now=NOW)
    for delegate, role in (
        (bob, DefaultRole.READ),
        (robot, DefaultRole.WRITE),
        (team, DefaultRole.ADMIN),
    ):
        set_default_permission(organization=acme, delegate=delegate, role=role, now=NOW)

    new, other = make_repository("acme/new"), make_repository("other/new")

    assert rights(principal_of(bob), new) == READ
    assert rights(principal_of(robot), new) == WRITE
    assert rights(principal_of(carol), new) == ALL
    for repository in (web, other):
        assert rights(principal_of(bob), repository) == NOTHING


def test_a_default_permission_of_one_creator_applies_to_what_that_creator_makes(
    acme: Organization, bob: User, robot: Robot
) -> None:
    dave, carol = make_user("dave"), make_user("carol")
    set_default_permission(
        organization=acme, delegate=carol, role=DefaultRole.WRITE, activating_user=dave, now=NOW
    )

    for name, creator, expected in (("d", dave, WRITE), ("b", bob, NOTHING), ("r", robot, NOTHING)):
        repository = make_repository(f"acme/{name}", creator=principal_of(creator))
        assert rights(principal_of(carol), repository) == expected


def test_a_default_permission_does_not_take_from_the_creator(acme: Organization, bob: User) -> None:
    set_default_permission(organization=acme, delegate=bob, role=DefaultRole.READ, now=NOW)

    assert rights(principal_of(bob), make_repository("acme/b", creator=principal_of(bob))) == ALL


# --- The catalog --------------------------------------------------------------------------------


def test_the_catalog_lists_others_public_repositories_only_where_the_setting_says_so(
    acme: Organization, web: Repository, bob: User, settings: Settings
) -> None:
    make_repository("acme/public", is_public=True)
    granted = make_repository("acme/granted")
    grant(repository=granted, role=Role.READ, holder=bob, now=NOW)
    make_repository("bob/own")

    assert _catalog(principal_of(bob)) == ["acme/granted", "bob/own"]
    assert _catalog(ANONYMOUS) == []
    settings.FEATURE_PUBLIC_CATALOG = True
    assert _catalog(principal_of(bob)) == ["acme/granted", "acme/public", "bob/own"]
    assert _catalog(ANONYMOUS) == ["acme/public"]
    settings.FEATURE_ANONYMOUS_ACCESS = False
    assert _catalog(ANONYMOUS) == []


def _catalog(principal: Principal) -> list[str]:
    return list(catalog_of(principal).order_by("path").values_list("path", flat=True))

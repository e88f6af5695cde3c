"""Bearer tokens: what they say, and what they are worth when they have grown stale."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.credentials import keys
from accounts.credentials.models import AccessToken
from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.credentials.services import (
    authenticate,
    issue_application_token,
    issue_robot_token,
    revoke_token,
)
from accounts.organizations.models import TeamRole
from accounts.organizations.services import add_member, create_team, remove_member
from accounts.users.models import User
from accounts.users.services import disable_robot, disable_user
from artifacts.oci.errors import Unauthorized
from registry.access.callers import Caller, InsufficientScope
from registry.access.grants import grant_token
from registry.access.scopes import Action, parse_scopes
from registry.access.tokens import TokenInvalid, lifetime_seconds, verify_token
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository, RepositoryGrant, Role
from registry.repositories.services import grant, revoke, set_visibility
from tests.registry.builders import (
    make_organization,
    make_repository,
    make_robot,
    make_user,
    principal_of,
)

pytestmark = pytest.mark.django_db

SCOPE = "repository:acme/web:pull,push,delete"


@pytest.fixture
def now() -> datetime:
    # Signatures are checked against the real clock.
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def web() -> Repository:
    make_organization("acme")
    return make_repository("acme/web")


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def token(principal: Principal, now: datetime, scope: str = SCOPE) -> str:
    return grant_token(principal=principal, scopes=parse_scopes([scope]), now=now).text


def caller(text: str, now: datetime) -> Caller:
    claims = verify_token(text, now=now)
    return Caller(claims.principal, claims)


def require(text: str, now: datetime, action: Action = "pull", path: str = "acme/web") -> None:
    """What every request does with its token."""
    repository = Repository.objects.at_path(path)
    caller(text, now).require(action, path, repository, now=now)


# --- What a token says --------------------------------------------------------------------------


def test_a_token_says_what_was_asked_for_as_far_as_it_is_allowed(
    web: Repository, bob: User, now: datetime
) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=now)

    claims = verify_token(token(principal_of(bob), now), now=now)

    assert claims.principal == principal_of(bob)
    assert {path: set(g.scope.actions) for path, g in claims.grants.items()} == {
        "acme/web": {"pull"}
    }
    assert claims.expires_at == now + timedelta(seconds=900)


@pytest.mark.parametrize(
    ("scope", "says"),
    [("repository:acme/web:pull", False), ("repository:acme/web:push", True), ("a:b:c", False)],
)
def test_the_word_of_a_token_is_enough_for_what_it_says_and_nothing_else(
    web: Repository, now: datetime, scope: str, says: bool
) -> None:
    owner = principal_of(User.objects.get(username="acme-owner"))
    held = Repository.objects.at_path("acme/web")
    assert held is not None

    assert caller(token(owner, now, scope), now).has_current_grant("push", held) is says


def test_a_token_says_nothing_of_what_is_not_allowed_or_does_not_exist(
    web: Repository, bob: User, now: datetime
) -> None:
    for scope in (SCOPE, "repository:acme/nothing:pull", "repository:nobody/x:pull", "a:b:c"):
        assert verify_token(token(principal_of(bob), now, scope), now=now).grants == {}


@pytest.mark.parametrize(
    "asked", ["registry:catalog:pull", "registry:other:*", "registry:other:pull"]
)
def test_no_other_right_to_the_registry_is_granted(bob: User, now: datetime, asked: str) -> None:
    scopes = parse_scopes([asked])

    assert grant_token(principal=principal_of(bob), scopes=scopes, now=now).grants == []


def test_a_token_for_the_catalog_says_what_was_asked_for(bob: User, now: datetime) -> None:
    scopes = parse_scopes(["registry:catalog:*"])

    (granted,) = grant_token(principal=principal_of(bob), scopes=scopes, now=now).grants

    assert str(granted.scope) == "registry:catalog:*"


def test_a_token_opens_the_catalog_to_whom_asks_for_it(
    bob: User, now: datetime, settings: Settings
) -> None:
    asked = "registry:catalog:*"

    assert verify_token(token(principal_of(bob), now, asked), now=now).registry == {"catalog"}
    assert verify_token(token(principal_of(bob), now), now=now).registry == set()
    assert verify_token(token(ANONYMOUS, now, asked), now=now).registry == set()
    settings.FEATURE_PUBLIC_CATALOG = True
    assert verify_token(token(ANONYMOUS, now, asked), now=now).registry == {"catalog"}


# --- Tokens that outlive what they stood on -----------------------------------------------------


def test_a_fresh_token_is_good_for_its_actions_and_no_others(
    web: Repository, bob: User, now: datetime
) -> None:
    grant(repository=web, role=Role.ADMIN, holder=bob, now=now)
    text = token(principal_of(bob), now, "repository:acme/web:pull")

    require(text, now, "pull")
    for action in ("push", "delete", "*"):
        with pytest.raises(InsufficientScope):
            require(text, now, action)


def test_a_token_of_one_repository_is_worth_nothing_in_another(
    web: Repository, now: datetime
) -> None:
    owner = principal_of(User.objects.get(username="acme-owner"))
    make_repository("acme/other")

    with pytest.raises(InsufficientScope):
        require(token(owner, now), now, "pull", "acme/other")


def test_while_no_rights_change_a_token_is_taken_at_its_word(
    web: Repository, bob: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=now)
    text = token(principal_of(bob), now)
    require(text, now)

    with django_assert_num_queries(1):  # the repository, with the epoch
        require(text, now)


def test_a_token_of_someone_else_survives_a_change_of_rights(
    web: Repository, bob: User, now: datetime
) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=now)
    text = token(principal_of(bob), now)

    grant(repository=web, role=Role.READ, holder=make_user("carol"), now=now)

    require(text, now)


def test_a_revoked_grant_ends_the_token(web: Repository, bob: User, now: datetime) -> None:
    given = grant(repository=web, role=Role.WRITE, holder=bob, now=now)
    text = token(principal_of(bob), now)
    require(text, now, "push")

    revoke(given=given, now=now)

    with pytest.raises(InsufficientScope):
        require(text, now, "pull")


def test_a_smaller_role_counts_at_once(web: Repository, bob: User, now: datetime) -> None:
    grant(repository=web, role=Role.WRITE, holder=bob, now=now)
    text = token(principal_of(bob), now)

    grant(repository=web, role=Role.READ, holder=bob, now=now)

    require(text, now, "pull")
    with pytest.raises(InsufficientScope):
        require(text, now, "push")


def test_a_larger_role_adds_nothing_to_a_token_that_has_less(
    web: Repository, bob: User, now: datetime
) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=now)
    text = token(principal_of(bob), now)

    grant(repository=web, role=Role.ADMIN, holder=bob, now=now)

    with pytest.raises(InsufficientScope):
        require(text, now, "push")


def test_who_leaves_a_team_loses_the_tokens_that_stood_on_it(
    web: Repository, bob: User, now: datetime
) -> None:
    organization = web.namespace.organization
    team = create_team(organization=organization, name="devs", role=TeamRole.ADMIN, now=now)
    add_member(team=team, member=bob, now=now)
    text = token(principal_of(bob), now)
    require(text, now, "push")

    remove_member(team=team, member=bob, now=now)

    with pytest.raises(InsufficientScope):
        require(text, now, "push")


def test_a_disabled_user_is_refused_although_the_signature_holds(
    web: Repository, bob: User, now: datetime
) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=now)
    text = token(principal_of(bob), now)

    disable_user(user=bob, now=now)

    with pytest.raises(Unauthorized, match="no longer valid"):
        require(text, now)
    with pytest.raises(Unauthorized, match="no longer valid"):
        caller(text, now).confirmed(now=now)


def test_a_disabled_robot_is_refused(web: Repository, now: datetime) -> None:
    robot = make_robot(web.namespace.organization)
    grant(repository=web, role=Role.READ, holder=robot, now=now)
    text = token(principal_of(robot), now)

    disable_robot(robot=robot, now=now)

    with pytest.raises(Unauthorized, match="no longer valid"):
        require(text, now)


def test_a_revoked_application_token_ends_what_it_bought(
    web: Repository, bob: User, now: datetime
) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=now)
    secret = issue_application_token(user=bob, title="t", scope="read", expires_at=None, now=now)
    login = authenticate(username="$app", password=secret, address="", now=now)
    text = token(login, now)
    require(text, now)

    revoke_token(token=AccessToken.objects.get(user=bob), now=now)

    with pytest.raises(Unauthorized, match="no longer valid"):
        require(text, now)


def test_a_new_robot_token_ends_what_the_old_one_bought(web: Repository, now: datetime) -> None:
    robot = make_robot(web.namespace.organization)
    grant(repository=web, role=Role.READ, holder=robot, now=now)
    secret = issue_robot_token(robot=robot, now=now)
    login = authenticate(username=robot.name, password=secret, address="", now=now)
    text = token(login, now)
    require(text, now)

    issue_robot_token(robot=robot, now=now)

    with pytest.raises(Unauthorized, match="no longer valid"):
        require(text, now)


def test_a_stolen_key_is_worthless_although_its_tokens_were_verified_before(
    web: Repository, bob: User, now: datetime, another_signing_key: Callable[[], None]
) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=now)
    text = token(principal_of(bob), now)
    require(text, now)
    another_signing_key()
    keys.revoke(now=now)

    with pytest.raises(TokenInvalid, match="revoked"):
        require(text, now)


def test_after_a_revocation_new_tokens_are_good_at_once(
    web: Repository, bob: User, now: datetime, another_signing_key: Callable[[], None]
) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=now)
    token(principal_of(bob), now)
    another_signing_key()
    keys.revoke(now=now)

    require(token(principal_of(bob), now), now)


@pytest.mark.parametrize(
    ("later", "scope", "is_same"),
    [(0, SCOPE, True), (1, SCOPE, False), (0, "repository:acme/web:pull,delete", False)],
)
def test_one_login_that_asks_for_the_same_in_one_second_gets_one_token(
    web: Repository, now: datetime, later: int, scope: str, is_same: bool
) -> None:
    owner = principal_of(User.objects.get(username="acme-owner"))
    first = token(owner, now)

    again = token(owner, now + timedelta(seconds=later), scope)

    assert (again == first) == is_same


def test_two_logins_never_get_one_token(web: Repository, bob: User, now: datetime) -> None:
    grant(repository=web, role=Role.READ, holder=bob, now=now)
    owner = principal_of(User.objects.get(username="acme-owner"))
    pull = "repository:acme/web:pull"

    assert token(owner, now, pull) != token(principal_of(bob), now, pull)


def test_a_token_of_the_same_second_says_what_the_rights_have_become(
    web: Repository, bob: User, now: datetime
) -> None:
    grant(repository=web, role=Role.WRITE, holder=bob, now=now)
    token(principal_of(bob), now)
    grant(repository=web, role=Role.READ, holder=bob, now=now)

    claims = verify_token(token(principal_of(bob), now), now=now)

    assert claims.grants["acme/web"].scope.actions == {"pull"}


def test_a_token_is_not_good_for_another_repository_of_the_same_name(
    web: Repository, bob: User, now: datetime
) -> None:
    grant(repository=web, role=Role.ADMIN, holder=bob, now=now)
    text = token(principal_of(bob), now)

    delete_repository(repository=web, now=now)
    make_repository("acme/web")

    for action in ("pull", "push", "delete"):
        with pytest.raises(InsufficientScope):
            require(text, now, action)


def test_a_repository_made_again_is_another_even_when_nobody_counted(
    web: Repository, bob: User, now: datetime
) -> None:
    grant(repository=web, role=Role.ADMIN, holder=bob, now=now)
    text = token(principal_of(bob), now)
    web.delete()  # past the service, so the epoch stays
    new = make_repository("acme/web")
    assert not RepositoryGrant.objects.filter(repository=new, user=bob).exists()

    with pytest.raises(InsufficientScope):
        require(text, now)


def test_anonymous_tokens_end_when_a_repository_becomes_private(now: datetime) -> None:
    make_organization("acme")
    public = make_repository("acme/web", is_public=True)
    text = token(ANONYMOUS, now)
    require(text, now)

    set_visibility(repository=public, is_public=False, now=now)

    with pytest.raises(InsufficientScope):
        require(text, now)


# --- Tokens of a first push ---------------------------------------------------------------------


def test_a_token_of_a_first_push_is_good_before_and_after_it(bob: User, now: datetime) -> None:
    scope = "repository:bob/new:pull,push"
    text = token(principal_of(bob), now, scope)
    require(text, now, "push", "bob/new")

    make_repository("bob/new", creator=principal_of(bob))

    require(text, now, "push", "bob/new")
    require(text, now, "pull", "bob/new")


def test_a_token_of_a_first_push_gives_nothing_when_somebody_else_was_first(
    bob: User, now: datetime
) -> None:
    acme = make_organization("acme")
    carol = make_user("carol")
    team = create_team(organization=acme, name="makers", role=TeamRole.CREATOR, now=now)
    add_member(team=team, member=bob, now=now)
    add_member(team=team, member=carol, now=now)
    text = token(principal_of(bob), now, "repository:acme/new:pull,push")

    make_repository("acme/new", creator=principal_of(carol))

    with pytest.raises(InsufficientScope):
        require(text, now, "push", "acme/new")
    with pytest.raises(InsufficientScope):
        require(text, now, "pull", "acme/new")


def test_a_token_of_a_first_push_ends_with_the_right_to_create(bob: User, now: datetime) -> None:
    acme = make_organization("acme")
    team = create_team(organization=acme, name="makers", role=TeamRole.CREATOR, now=now)
    add_member(team=team, member=bob, now=now)
    text = token(principal_of(bob), now, "repository:acme/new:push")

    remove_member(team=team, member=bob, now=now)

    with pytest.raises(InsufficientScope):
        require(text, now, "push", "acme/new")


def test_a_remembered_token_ends_when_its_time_is_over(web: Repository, now: datetime) -> None:
    text = token(principal_of(User.objects.get(username="acme-owner")), now)
    verify_token(text, now=now)

    verify_token(text, now=now + timedelta(seconds=959))
    with pytest.raises(TokenInvalid, match="expired"):
        verify_token(text, now=now + timedelta(seconds=960))


@pytest.mark.parametrize(("left", "lasts"), [(None, 900), (30 * 86400, 900), (60, 60), (-5, 0)])
def test_a_token_lasts_no_longer_than_is_set_nor_than_its_login(
    bob: User, now: datetime, left: int | None, lasts: int
) -> None:
    end = None if left is None else now + timedelta(seconds=left)

    assert lifetime_seconds(replace(principal_of(bob), expires_at=end), now=now) == lasts


@pytest.mark.parametrize(
    ("scope", "is_public", "opens"),
    [
        ("registry:catalog:*", True, True),
        ("registry:catalog:*", False, False),
        ("registry:catalog:pull", True, False),
        ("registry:other:*", True, False),
    ],
)
def test_nobody_in_particular_opens_the_catalog_where_that_is_public(
    web: Repository, now: datetime, settings: Settings, scope: str, is_public: bool, opens: bool
) -> None:
    settings.FEATURE_PUBLIC_CATALOG = is_public

    claims = verify_token(token(ANONYMOUS, now, scope), now=now)

    assert claims.registry == (frozenset({"catalog"}) if opens else frozenset())


def test_a_token_for_another_service_is_not_taken(
    web: Repository, now: datetime, settings: Settings
) -> None:
    settings.SERVER_HOSTNAME = "elsewhere.example"
    text = grant_token(principal=ANONYMOUS, scopes=[], now=now).text
    settings.SERVER_HOSTNAME = ""

    with pytest.raises(TokenInvalid):
        verify_token(text, now=now)


def test_nobody_in_particular_who_would_push_by_a_bare_name_gets_a_token_without_it(
    web: Repository, now: datetime
) -> None:
    """Only who is logged in is told which name would do; others are to log in first."""
    text = token(ANONYMOUS, now, "repository:web:push")

    assert verify_token(text, now=now).grants == {}

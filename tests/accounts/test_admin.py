"""The administration pages: they use the services, audit, and never show a secret."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.audit.models import AuditEvent
from accounts.credentials import keys
from accounts.credentials.models import AccessToken, LoginThrottle, SigningKey
from accounts.credentials.services import authenticate, issue_application_token, issue_robot_token
from accounts.organizations.models import DefaultPermission, Organization, Team, TeamMember
from accounts.users.models import Robot, User
from accounts.users.services import access_epoch, create_robot, create_user
from tests.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db

OURS = [
    model for model in admin.site._registry if model._meta.app_config.name.startswith("accounts")
]


@pytest.fixture
def root(now: datetime) -> User:
    return create_user(username="root1", password=PASSWORD, is_superuser=True, now=now)


@pytest.fixture
def page(root: User) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.44")
    client.force_login(root)
    return client


@pytest.fixture
def everything(acme: Organization, robot: Robot, now: datetime) -> dict[str, str]:
    """One row of everything there is; returns its secrets."""
    DefaultPermission.objects.create(organization=acme, delegate_robot=robot, role="read")
    LoginThrottle.objects.create(key="0" * 64, failures=3, updated_at=now)
    keys.signing_key(now=now)
    issue_application_token(
        user=User.objects.get(username="alice"), title="a", scope="read", expires_at=None, now=now
    )
    issue_robot_token(robot=robot, now=now)
    secrets = {f"token {token.pk}": token.sha256 for token in AccessToken.objects.all()}
    secrets["private key"] = SigningKey.objects.get().private_key
    secrets["password"] = User.objects.get(username="alice").password.rsplit("$", 1)[1]
    return secrets


def formset(prefix: str, rows: list[dict[str, Any]], *, existing: int = 0) -> dict[str, Any]:
    data = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": existing}
    for number, row in enumerate(rows):
        data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data


def messages_of(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label_lower)
def test_every_page_opens_and_shows_no_secret(
    model: Any, page: Client, everything: dict[str, str]
) -> None:
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    row = model.objects.first()
    pages = [reverse(f"{base}_changelist"), reverse(f"{base}_changelist") + "?q=acme"]
    if row:
        pages.append(reverse(f"{base}_change", args=[row.pk]))

    for address in pages:
        response = page.get(address, follow=True)
        assert response.status_code == 200
        assert "Berth" in response.text
        assert [name for name, secret in everything.items() if secret in response.text] == []


def test_nobody_else_gets_in(alice: User) -> None:
    client = Client()
    client.force_login(alice)

    assert client.get("/admin/users/user/").status_code == 302


def test_a_new_user_gets_a_namespace_and_is_audited(page: Client) -> None:
    response = page.post(
        "/admin/users/user/add/",
        {
            "username": "carol",
            "email": "c@example.org",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )

    carol = User.objects.get(username="carol")
    assert response.status_code == 302
    assert carol.namespace.name == "carol"
    assert carol.check_password(PASSWORD)
    assert not carol.is_superuser
    event = AuditEvent.objects.get(action="user.create", target="carol")
    assert (event.actor, event.address) == ("root1", "192.0.2.44")


@pytest.mark.parametrize("username", ["api", "Carol", "acme"])
def test_a_name_that_cannot_be_used_is_explained(
    username: str, page: Client, acme: Organization
) -> None:
    response = page.post(
        "/admin/users/user/add/",
        {"username": username, "password1": PASSWORD, "password2": PASSWORD},
        follow=True,
    )

    assert re.search("cannot be used|already taken", response.text)
    assert not User.objects.filter(username=username).exists()


def test_disabling_a_user_in_the_form_is_audited_and_moves_the_epoch(
    page: Client, bob: User
) -> None:
    epoch = access_epoch()

    page.post(f"/admin/users/user/{bob.pk}/change/", {"email": "b@example.org"})

    bob.refresh_from_db()
    assert (bob.is_active, bob.email) == (False, "b@example.org")
    assert access_epoch() > epoch
    assert AuditEvent.objects.filter(action="user.disable", actor="root1").exists()


def test_the_last_superuser_cannot_disable_themselves(page: Client, root: User) -> None:
    response = page.post(f"/admin/users/user/{root.pk}/change/", {"email": ""}, follow=True)

    root.refresh_from_db()
    assert root.is_active
    assert root.is_superuser
    assert "without a superuser" in messages_of(response)


def test_a_refused_action_says_why_and_changes_nothing(page: Client, root: User, bob: User) -> None:
    response = page.post(
        "/admin/users/user/",
        {"action": "disable", "_selected_action": [bob.pk, root.pk]},
        follow=True,
    )

    assert "without a superuser" in messages_of(response)
    assert User.objects.filter(is_active=True).count() == 2


def test_a_password_set_by_an_administrator_works_and_is_audited(page: Client, bob: User) -> None:
    new = "brand new passphrase"

    page.post(f"/admin/users/user/{bob.pk}/password/", {"password1": new, "password2": new})

    bob.refresh_from_db()
    assert bob.check_password(new)
    assert AuditEvent.objects.filter(
        action="user.password.change", target="bob", actor="root1"
    ).exists()


def test_users_and_organizations_are_not_deleted(
    page: Client, bob: User, acme: Organization
) -> None:
    assert page.get(f"/admin/users/user/{bob.pk}/delete/").status_code == 403
    assert page.get(f"/admin/organizations/organization/{acme.pk}/delete/").status_code == 403


def test_a_new_organization_gets_a_namespace_and_owners(page: Client, bob: User) -> None:
    page.post("/admin/organizations/organization/add/", {"name": "umbrella", "owner": "bob"})

    umbrella = Organization.objects.get(namespace__name="umbrella")
    assert TeamMember.objects.get(team__organization=umbrella, team__name="owners").user == bob
    assert AuditEvent.objects.filter(action="organization.create", actor="root1").exists()


def test_an_organization_s_owner_must_exist(page: Client) -> None:
    response = page.post(
        "/admin/organizations/organization/add/", {"name": "umbrella", "owner": "nobody"}
    )

    assert "There is no such user" in response.text
    assert not Organization.objects.exists()


def test_a_team_added_on_the_page_is_audited(page: Client, acme: Organization) -> None:
    epoch, owners = access_epoch(), acme.teams.get()
    rows: list[dict[str, Any]] = [
        {"id": owners.pk, "organization": acme.pk, "name": "owners", "role": "admin"},
        {"id": "", "organization": acme.pk, "name": "devs", "role": "creator"},
    ]

    page.post(
        f"/admin/organizations/organization/{acme.pk}/change/",
        {"email": "", **formset("teams", rows, existing=1)},
    )

    assert acme.teams.get(name="devs").role == "creator"
    assert access_epoch() > epoch
    assert AuditEvent.objects.filter(action="team.create", target="acme/devs").exists()


@pytest.mark.parametrize("change", [{"DELETE": "on"}, {"role": "member"}])
def test_an_organization_keeps_an_owner_whatever_is_done_on_its_page(
    change: dict[str, str], page: Client, acme: Organization
) -> None:
    owners = acme.teams.get()
    row = {"id": owners.pk, "organization": acme.pk, "name": "owners", "role": "admin", **change}

    response = page.post(
        f"/admin/organizations/organization/{acme.pk}/change/",
        {"email": "", **formset("teams", [row], existing=1)},
        follow=True,
    )

    assert "without an owner" in messages_of(response)
    assert acme.teams.get().role == "admin"


def test_the_last_owner_stays_whatever_is_done_on_the_team_s_page(
    page: Client, acme: Organization
) -> None:
    owners = acme.teams.get()
    member = owners.members.get()
    row = {"id": member.pk, "team": owners.pk, "user": member.user_id, "DELETE": "on"}

    response = page.post(
        f"/admin/organizations/team/{owners.pk}/change/",
        {"name": "owners", "role": "admin", **formset("members", [row], existing=1)},
        follow=True,
    )

    assert "without an owner" in messages_of(response)
    assert owners.members.count() == 1


@pytest.mark.parametrize("by_action", [True, False])
def test_the_last_owner_s_team_cannot_be_deleted(
    by_action: bool, page: Client, acme: Organization
) -> None:
    owners = acme.teams.get()
    if by_action:
        address = "/admin/organizations/team/"
        data = {"action": "delete_selected", "_selected_action": [owners.pk], "post": "yes"}
    else:
        address, data = f"/admin/organizations/team/{owners.pk}/delete/", {"post": "yes"}

    response = page.post(address, data, follow=True)

    assert "without an owner" in messages_of(response)
    assert Team.objects.filter(pk=owners.pk).exists()


def test_a_robot_of_somebody_else_is_kept_out_of_a_team(
    page: Client, acme: Organization, bob: User, now: datetime
) -> None:
    stranger = create_robot(owner=bob.namespace, short_name="ci", now=now)
    owners = acme.teams.get()
    member = owners.members.get()
    rows: list[dict[str, Any]] = [
        {"id": member.pk, "team": owners.pk, "user": member.user_id},
        {"id": "", "team": owners.pk, "robot": stranger.pk},
    ]

    response = page.post(
        f"/admin/organizations/team/{owners.pk}/change/",
        {"name": "owners", "role": "admin", **formset("members", rows, existing=1)},
        follow=True,
    )

    assert "does not belong to the organization" in messages_of(response)
    assert owners.members.count() == 1


def test_a_new_robot_s_token_is_shown_once_and_works(
    page: Client, acme: Organization, now: datetime
) -> None:
    response = page.post(
        "/admin/users/robot/add/", {"namespace": acme.namespace_id, "short_name": "ci"}
    )

    found = re.search(r"<code>(\S+)</code>", response.text)
    assert found
    principal = authenticate(username="acme+ci", password=found[1], address="::1", now=now)
    assert principal.name == "acme+ci"
    assert "no-store" in response.headers["Cache-Control"]
    assert found[1] not in page.get("/admin/users/robot/").text


def test_regenerating_shows_the_new_token_and_kills_the_old_one(
    page: Client, robot: Robot, now: datetime
) -> None:
    old = AccessToken.objects.filter(robot=robot)
    issue_robot_token(robot=robot, now=now)
    before = old.get().pk

    response = page.post(
        "/admin/users/robot/", {"action": "regenerate_tokens", "_selected_action": [robot.pk]}
    )

    assert "<code>berth_" in response.text
    assert old.get().pk != before
    assert AuditEvent.objects.filter(action="robot.token.issue", actor="root1").exists()


@pytest.mark.parametrize("by_action", [True, False])
def test_deleting_a_token_revokes_it(
    by_action: bool, page: Client, robot: Robot, now: datetime
) -> None:
    issue_robot_token(robot=robot, now=now)
    token, epoch = AccessToken.objects.get(), access_epoch()
    if by_action:
        address = "/admin/credentials/accesstoken/"
        data = {"action": "delete_selected", "_selected_action": [token.pk], "post": "yes"}
    else:
        address, data = f"/admin/credentials/accesstoken/{token.pk}/delete/", {"post": "yes"}

    page.post(address, data)

    assert not AccessToken.objects.exists()
    assert access_epoch() > epoch
    assert AuditEvent.objects.filter(action="token.revoke", actor="root1").exists()


def test_deleting_a_throttle_lets_its_owner_try_again(page: Client, now: datetime) -> None:
    LoginThrottle.objects.create(key="0" * 64, failures=9, updated_at=now)

    page.post(f"/admin/credentials/loginthrottle/{'0' * 64}/delete/", {"post": "yes"})

    assert not LoginThrottle.objects.exists()


@pytest.mark.parametrize(
    "path", ["audit/auditevent", "credentials/signingkey", "credentials/accesstoken"]
)
def test_what_is_read_only_cannot_be_made_or_changed(
    path: str, page: Client, everything: dict[str, str]
) -> None:
    model = {"auditevent": AuditEvent, "signingkey": SigningKey, "accesstoken": AccessToken}
    row: Any = model[path.partition("/")[2]].objects.first()  # type: ignore[attr-defined]

    assert page.get(f"/admin/{path}/add/").status_code == 403
    assert page.post(f"/admin/{path}/{row.pk}/change/", {"title": "x"}).status_code == 403
    if path != "credentials/accesstoken":
        assert page.post(f"/admin/{path}/{row.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    "path", ["users/robot", "organizations/organization", "organizations/team", "users/user"]
)
def test_a_list_costs_the_same_however_long_it_is(
    path: str,
    page: Client,
    acme: Organization,
    alice: User,
    now: datetime,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(10):
        user = create_user(username=f"user{number}", password=PASSWORD, now=now)
        create_robot(owner=user.namespace, short_name="ci", now=now)
        acme.teams.create(name=f"team{number}")

    with django_assert_max_num_queries(8):
        page.get(f"/admin/{path}/")


def test_a_robot_is_found_by_its_whole_name(page: Client, robot: Robot) -> None:
    assert "1 robot" in page.get("/admin/users/robot/?q=acme%2Bci").text


# The login page


def sign_in(client: Client, password: str) -> Any:
    return client.post("/account/login/", {"login": "root1", "password": password})


def test_an_administrator_signs_in(root: User) -> None:
    assert sign_in(Client(), PASSWORD).status_code == 302


def test_the_login_page_is_slowed_like_the_registry(root: User) -> None:
    client = Client(REMOTE_ADDR="192.0.2.99")

    for _ in range(5):
        assert "The user name or the password is wrong" in sign_in(client, "wrong").text

    assert "too many failed logins" in sign_in(client, PASSWORD).text
    assert sign_in(Client(REMOTE_ADDR="192.0.2.98"), PASSWORD).status_code == 302


def test_a_token_does_not_open_the_administration(root: User, now: datetime) -> None:
    secret = issue_application_token(user=root, title="t", scope="admin", expires_at=None, now=now)

    for username in ("$app", "root1"):
        response = Client().post("/account/login/", {"login": username, "password": secret})
        assert response.status_code == 200

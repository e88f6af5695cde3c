"""Lists of ``/api/v1/`` ask the database as often for many rows as for few."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.credentials.services import issue_application_token, issue_robot_token
from accounts.organizations.models import DefaultRole, Organization, TeamRole
from accounts.organizations.services import add_member, create_team, set_default_permission
from accounts.users.models import User
from accounts.users.services import create_robot, create_user
from registry.repositories.models import Role
from registry.repositories.services import grant, star
from registry.retention.rules import Rule
from registry.retention.services import add_rule
from registry.tags.immutability import add_immutability_rule
from tests.registry.api.management.asking import ask, token
from tests.registry.builders import NOW, make_repository, make_user, principal_of

pytestmark = pytest.mark.django_db

LISTS = {
    "/organization/acme": "teams",
    "/organization/acme/members": "members",
    "/organization/acme/collaborators": "collaborators",
    "/organization/acme/team/owners/members?includePending=true": "members",
    "/organization/acme/team/owners/permissions": "permissions",
    "/organization/acme/robots": "robots",
    "/organization/acme/robots?permissions=true": "robots",
    "/organization/acme/prototypes": "prototypes",
    "/organization/acme/autoprunepolicy/": "policies",
    "/organization/acme/immutabilitypolicy/": "policies",
    "/repository?namespace=acme&last_modified=true&popularity=true": "repositories",
    "/repository?starred=true": "repositories",
    "/repository/acme/web/permissions/user/": "permissions",
    "/repository/acme/web/permissions/team/": "permissions",
    "/user/starred": "repositories",
    "/user/apptoken": "tokens",
    "/user/": "organizations",
    "/superuser/users/": "users",
    "/superuser/organizations/": "organizations",
    "/entities/p?namespace=acme&includeTeams=true&includeOrgs=true": "results",
    "/find/repositories?query=r": "results",
}


@pytest.fixture
def admin() -> User:
    user = make_user("admin", is_superuser=True)
    make_repository("acme/web")
    owners = Organization.objects.get(namespace__name="acme").teams.get(name="owners")
    add_member(team=owners, member=user, now=NOW)
    _more(user, range(2))
    return user


def _more(admin: User, numbers: range) -> None:
    """So many more of everything."""
    acme = Organization.objects.get(namespace__name="acme")
    web = acme.namespace.repositories.get(name="web")
    owners = acme.teams.get(name="owners")
    for number in numbers:
        repository = make_repository(f"acme/r{number}", creator=principal_of(admin))
        star(repository=repository, user=admin)
        team = create_team(organization=acme, name=f"p{number}", role=TeamRole.MEMBER, now=NOW)
        grant(repository=web, role=Role.READ, holder=team, now=NOW)
        grant(repository=repository, role=Role.READ, holder=owners, now=NOW)
        robot = create_robot(owner=acme.namespace, short_name=f"r{number}", now=NOW)
        issue_robot_token(robot=robot, now=NOW)
        grant(repository=repository, role=Role.READ, holder=robot, now=NOW)
        grant(repository=web, role=Role.READ, holder=robot, now=NOW)
        for name, is_member in ((f"person{number}", True), (f"guest{number}", False)):
            user = create_user(username=name, password=None, now=NOW)
            grant(repository=web, role=Role.READ, holder=user, now=NOW)
            if is_member:
                add_member(team=owners, member=user, now=NOW)
                add_member(team=team, member=user, now=NOW)
            set_default_permission(organization=acme, delegate=user, role=DefaultRole.READ, now=NOW)
        add_rule(place=acme.namespace, rule=Rule.parse("number_of_tags", "1"), now=NOW)
        add_immutability_rule(
            place=acme.namespace, pattern="v", syntax="regex", is_inverted=False, now=NOW
        )
        issue_application_token(user=admin, title="t", expires_at=None, now=NOW)


def test_lists_ask_as_often_for_many_rows_as_for_few(admin: User) -> None:
    client = Client(headers=token(admin))
    counts: dict[str, list[int]] = {path: [] for path in LISTS}
    rows: dict[str, list[int]] = {path: [] for path in LISTS}
    for numbers in (range(2, 3), range(3, 9)):
        _more(admin, numbers)
        for path, field in LISTS.items():
            ask(client, "GET", path)  # what is remembered is remembered
            with CaptureQueriesContext(connection) as captured:
                status, answer = ask(client, "GET", path)
            assert status == 200, path
            counts[path].append(len(captured))
            rows[path].append(len(answer[field]))

    assert {path for path, (few, many) in counts.items() if few != many} == set()
    grown = {path for path, (few, many) in rows.items() if few < many}
    assert set(LISTS) - grown == {"/user/", "/superuser/organizations/"}  # there is one

"""What three clients of Quay send, in their order, and what they have to be answered.

Each line is a method, a path, a body, the status and the fields of the answer. Fields in brackets
are those of the first element of a list, or of a map from names. What is left out of what such
clients can do is in ``docs/api.md``.
"""

# ruff: noqa: E501 - one call is one line

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from registry.announcements.current import forget_announcements
from tests.registry.api.management.asking import ask, token
from tests.registry.builders import make_user

pytestmark = pytest.mark.django_db

ORGANIZATION = (
    "name email avatar is_admin is_member teams ordered_teams invoice_email invoice_email_address"
    " tag_expiration_s is_free_account quotas quota_report"
)
REPOSITORY = (
    "namespace name kind description is_public is_organization is_starred status_token"
    " trust_enabled tag_expiration_s is_free_account state tags can_write can_admin"
)
ROBOT = "name created last_accessed description token"
ONE_ROBOT = f"{ROBOT} unstructured_metadata"
TEAM = "name description can_view role avatar new_team"
MEMBER = "name kind is_robot avatar invited"
PERMISSION = "role name is_robot avatar is_org_member"
TEAM_PERMISSION = "role name avatar"
PROTOTYPE = "activating_user delegate role id"
USER = (
    "anonymous username avatar can_create_repo is_me verified email logins invoice_email"
    " invoice_email_address preferred_namespace tag_expiration_s prompts company family_name"
    " given_name location is_free_account has_password_set quotas quota_report organizations"
    " super_user"
)
SUPERUSER_USER = (
    "kind name username email verified avatar super_user global_readonly_super_user enabled quotas"
    " quota_report"
)
PRUNING = "uuid method value tagPattern tagPatternMatches"
IMMUTABILITY = "uuid tagPattern tagPatternMatches"
APP_TOKEN = "uuid title last_accessed created expiration"
APPLICATION = "name description application_uri client_id client_secret redirect_uri avatar_email"
ERROR = "detail error_message message error_type title type status"

GO_QUAY = f"""
GET /user/ - 200 {USER}
POST /organization/ {{"name":"goqorg","email":"goq@example.com"}} 201 -
GET /organization/goqorg - 200 {ORGANIZATION}
POST /repository {{"repository":"app","namespace":"goqorg","visibility":"private","description":"hello"}} 201 namespace name kind
GET /repository/goqorg/app - 200 {REPOSITORY}
GET /repository/goqorg/app/tag/ - 200 tags page has_additional
PUT /repository/goqorg/app {{"description":"world"}} 200 success
GET /organization/goqorg/repositories - 404 {ERROR}
PUT /organization/goqorg/robots/ci {{"description":"d"}} 201 {ONE_ROBOT}
GET /organization/goqorg/robots/ci - 200 {ONE_ROBOT}
GET /organization/goqorg/robots - 200 robots[{ROBOT}]
POST /organization/goqorg/robots/ci/regenerate - 200 {ROBOT}
PUT /organization/goqorg/team/devs {{"name":"devs","description":"x","role":"member"}} 200 {TEAM}
PUT /organization/goqorg/team/devs/members/goqorg+ci - 200 {MEMBER}
GET /organization/goqorg/teams - 404 {ERROR}
GET /organization/goqorg/members - 200 members[name kind avatar teams repositories]
GET /organization/goqorg/collaborators - 200 collaborators
POST /organization/goqorg/prototypes {{"delegate":{{"name":"devs","kind":"team"}},"role":"read"}} 200 {PROTOTYPE}
GET /organization/goqorg/prototypes - 200 prototypes[{PROTOTYPE}]
POST /organization/goqorg/autoprunepolicy {{"method":"number_of_tags","value":10}} 201 uuid
GET /organization/goqorg/autoprunepolicy/ - 200 policies[{PRUNING}]
GET /user/starred - 200 repositories
GET /repository/goqorg/app/permissions - 404 {ERROR}
GET /messages - 200 messages
PUT /user/robots/mine {{"description":"d"}} 201 {ONE_ROBOT}
GET /user/robots - 200 robots[{ROBOT}]
"""
TERRAFORM = f"""
POST /organization/ {{"email":"tforg@example.com","name":"tforg"}} 201 -
GET /organization/tforg - 200 {ORGANIZATION}
PUT /organization/tforg/robots/ci {{"description":"robot of tofu"}} 201 {ONE_ROBOT}
POST /repository {{"description":"first","namespace":"tforg","repository":"app","visibility":"private"}} 201 namespace name kind
PUT /organization/tforg/team/devs {{"description":"first","role":"member"}} 200 {TEAM}
PUT /organization/tforg/team/devs/members/tforg+ci - 200 {MEMBER}
GET /organization/tforg/team/devs/members - 200 members[{MEMBER}] name can_edit
PUT /repository/tforg%2Fapp/permissions/team/devs {{"role":"read"}} 200 {TEAM_PERMISSION}
GET /organization/tforg/robots/ci - 200 {ONE_ROBOT}
GET /repository/tforg%2Fapp - 200 {REPOSITORY}
GET /repository/tforg%2Fapp/permissions/team/devs - 200 {TEAM_PERMISSION}
PUT /organization/tforg/team/devs {{"description":"second","role":"member"}} 200 {TEAM}
PUT /repository/tforg%2Fapp {{"description":"second"}} 200 success
PUT /repository/tforg%2Fapp/permissions/team/devs {{"role":"write"}} 200 {TEAM_PERMISSION}
DELETE /repository/tforg%2Fapp/permissions/team/devs - 204 -
DELETE /organization/tforg/team/devs - 204 -
DELETE /repository/tforg%2Fapp - 204 -
DELETE /organization/tforg/robots/ci - 204 -
DELETE /organization/tforg - 204 -
"""
ANSIBLE = f"""
GET /organization/first - 404 {ERROR}
POST /organization/ {{"name":"first"}} 201 -
POST /organization/ {{"name":"first"}} 400 {ERROR}
PUT /organization/first {{"tag_expiration_s":12345}} 400 {ERROR}
PUT /organization/first {{"tag_expiration_s":604800,"email":"first@example.com"}} 200 {ORGANIZATION}
GET /superuser/users/person1 - 404 {ERROR}
POST /superuser/users/ {{"username":"person1","email":"person1@example.com"}} 200 username email password encrypted_password
POST /superuser/users/ {{"username":"person1","email":"person1@example.com"}} 400 {ERROR}
PUT /superuser/users/person1 {{"password":"a battery of horses","enabled":true}} 200 {SUPERUSER_USER} encrypted_password
GET /superuser/users/person1 - 200 {SUPERUSER_USER}
GET /superuser/users/ - 200 users[{SUPERUSER_USER}]
GET /user/robots/person1 - 400 {ERROR}
GET /entities/person1?includeOrgs=False&includeTeams=False - 200 results[name kind is_robot avatar]
GET /entities/nobody1?includeOrgs=False&includeTeams=False - 200 results
GET /organization/first/robots/ci - 400 {ERROR}
PUT /organization/first/robots/ci - 201 {ONE_ROBOT}
PUT /organization/first/robots/ci {{"description":"x"}} 400 {ERROR}
PUT /organization/first/team/devs {{"name":"devs","role":"creator","description":"# Élément"}} 200 {TEAM}
GET /organization/first/team/nope/members?includePending=True - 404 {ERROR}
GET /organization/first/team/devs/members?includePending=True - 200 name members can_edit
PUT /organization/first/team/devs/members/person1 - 200 {MEMBER}
PUT /organization/first/team/devs/members/first+ci - 200 {MEMBER}
PUT /organization/first/team/devs/members/first+ci - 400 {ERROR}
PUT /organization/first/team/devs/members/nobody1 - 400 {ERROR}
DELETE /organization/first/team/devs/members/first+ci - 204 -
GET /repository/first/app - 404 {ERROR}
POST /repository {{"repository":"app","namespace":"first","visibility":"private","description":""}} 201 namespace name kind
POST /repository {{"repository":"app","namespace":"first","visibility":"private","description":""}} 400 {ERROR}
POST /repository {{"repository":"b","namespace":"nonesuch","visibility":"private","description":""}} 400 {ERROR}
POST /repository {{"repository":"Bad Name","namespace":"first","visibility":"private","description":""}} 400 {ERROR}
POST /repository {{"repository":"b","namespace":"first"}} 400 {ERROR}
GET /repository?namespace=first&last_modified=true - 200 repositories[namespace name description is_public kind state is_starred quota_report last_modified]
GET /repository - 400 {ERROR}
POST /repository/first/app/changevisibility {{"visibility":"public"}} 200 success
PUT /repository/first/app/changestate {{"state":"NORMAL"}} 200 success
GET /repository/first/app/permissions/team/ - 200 permissions
PUT /repository/first/app/permissions/team/devs {{"role":"admin"}} 200 {TEAM_PERMISSION}
GET /repository/first/app/permissions/team/ - 200 permissions[{TEAM_PERMISSION}]
PUT /repository/first/app/permissions/user/person1 {{"role":"write"}} 200 {PERMISSION}
PUT /repository/first/app/permissions/user/first+ci {{"role":"admin"}} 200 {PERMISSION}
PUT /repository/first/app/permissions/user/nobody1 {{"role":"write"}} 400 {ERROR}
GET /repository/first/app/permissions/user/ - 200 permissions[{PERMISSION}]
GET /repository/first/app/permissions/user/person1/transitive - 200 permissions[role]
GET /organization/first/team/devs/permissions - 200 permissions[repository role]
GET /organization/first/robots/ci/permissions - 200 permissions[repository role]
DELETE /repository/first/app/permissions/user/person1 - 204 -
DELETE /repository/first/app/permissions/user/person1 - 400 {ERROR}
GET /repository/first/app/permissions/user/person1 - 400 {ERROR}
POST /organization/first/prototypes {{"role":"write","delegate":{{"name":"first+ci","kind":"user"}},"activating_user":{{"name":"person1"}}}} 200 {PROTOTYPE}
GET /organization/first/autoprunepolicy/ - 200 policies
POST /organization/first/autoprunepolicy/ {{"method":"creation_date","value":"5x"}} 400 {ERROR}
POST /repository/first/app/autoprunepolicy/ {{"method":"number_of_tags","value":5,"tagPattern":"unstable","tagPatternMatches":false}} 201 uuid
GET /repository/first/nope/autoprunepolicy/ - 404 {ERROR}
POST /organization/first/immutabilitypolicy/ {{"tagPattern":"release-.*","tagPatternMatches":true}} 201 uuid
GET /organization/first/immutabilitypolicy/ - 200 policies[{IMMUTABILITY}]
POST /repository/first/app/immutabilitypolicy/ {{"tagPattern":"release-.*"}} 201 uuid
GET /repository/first/app/tag/?onlyActiveTags=False&limit=100&page=1 - 200 tags page has_additional
GET /user/apptoken - 200 tokens[{APP_TOKEN}] only_expiring
POST /user/apptoken {{"title":"one"}} 200 token
POST /messages {{"message":{{"content":"# Hello","severity":"info","media_type":"text/plain"}}}} 201 -
GET /registry/capabilities - 200 sparse_manifests mirror_architectures
POST /user/starred {{"namespace":"first","repository":"app"}} 201 namespace repository
GET /user/starred - 200 repositories[namespace name description is_public]
DELETE /user/starred/first/app - 204 -
GET /find/repositories?query=app - 200 results[kind title namespace name description is_public score href] has_additional page page_size start_index
GET /superuser/organizations/ - 200 organizations[name email avatar quotas quota_report]
PUT /superuser/organizations/first {{"email":"other@example.com"}} 200 name email avatar quotas quota_report
GET /organization/first/applications - 200 applications
POST /organization/first/applications {{"name":"app1"}} 200 {APPLICATION}
GET /organization/first/applications - 200 applications[{APPLICATION}]
POST /organization/first/robots/ci/federation [{{"issuer":"https://ci.example.com","subject":"s","isExpanded":false}}] 200 -
DELETE /organization/first/robots/ci/federation - 204 -
POST /organization/first/exportlogs {{}} 200 export_id exported_data_url
GET /superuser/registrysize/ - 200 size_bytes last_ran running queued
GET /superuser/registrystatus - 200 provider_id status
POST /superuser/takeownership/first - 200 namespace
DELETE /repository/first/app - 204 -
DELETE /superuser/users/person1 - 204 -
DELETE /superuser/organizations/first - 204 -
"""


@pytest.fixture
def admin(db: None) -> Iterator[Client]:
    user = make_user("admin", is_superuser=True)
    yield Client(headers=token(user), raise_request_exception=False)
    forget_announcements()


@pytest.mark.parametrize("calls", [GO_QUAY, TERRAFORM, ANSIBLE], ids=["go-quay", "tofu", "ansible"])
def test_what_a_client_sends_is_answered_as_quay_does(admin: Client, calls: str) -> None:
    wrong = []
    for line in calls.strip().splitlines():
        method, path, body, status, fields = _parts(line)
        answer = ask(admin, method, path, json.loads(body) if body != "-" else None)
        if answer[0] != int(status) or _shape(fields) != _same(answer[1], fields):
            wrong.append((line[:90], answer))

    assert wrong == []


def _parts(line: str) -> tuple[str, ...]:
    method, path, rest = line.split(" ", 2)
    if rest.startswith("-"):
        body, rest = "-", rest[2:]
    else:
        _, end = json.JSONDecoder().raw_decode(rest)
        body, rest = rest[:end], rest[end + 1 :]
    status, fields = rest.split(" ", 1)
    return method, path, body, status, fields


def _shape(fields: str) -> tuple[set[str], set[str]]:
    """The names of the fields, and those of what is in the list or map among them."""
    if match := re.search(r"(\w+)\[([^]]*)\]", fields):
        outside = fields.replace(match[0], match[1])
        return set(outside.split()), set(match[2].split())
    return set(fields.split()) - {"-"}, set()


def _same(answer: Any, fields: str) -> tuple[set[str], set[str]]:
    if not isinstance(answer, dict):
        return set(), set()
    match = re.search(r"(\w+)\[", fields)
    inner = answer.get(match[1]) if match else None
    rows = list(inner.values()) if isinstance(inner, dict) else inner
    return set(answer), set(rows[0]) if rows else set()

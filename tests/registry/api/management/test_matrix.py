"""Who may what, route by route: generated from the table that the routes themselves carry.

Each operation is asked by everybody, about what they may know of and what they may not; whoever
has the right and a token with its scope is let through, and nobody else. Let through is what is
answered otherwise than 401, 403 and 404 of the thing itself: bodies are left empty, so that most
changes end with 400 and what is asked about stays there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.credentials.applications import create_application
from accounts.credentials.models import AccessToken
from accounts.credentials.principals import ALL_SCOPES, OF_CEILING
from accounts.credentials.services import issue_robot_token
from accounts.organizations.models import (
    DefaultPermission,
    DefaultRole,
    Organization,
    Team,
    TeamMember,
    TeamRole,
)
from accounts.organizations.services import (
    add_member,
    create_team,
    set_default_permission,
)
from accounts.users.models import User
from accounts.users.services import create_robot
from artifacts.oci.digest import Digest
from registry.announcements.models import Announcement
from registry.api.management.documents import id_of
from registry.api.management.operations import Operation
from registry.api.management.routes import ROUTES, Route
from registry.repositories.models import Repository, RepositoryGrant, Role
from registry.repositories.services import grant, star
from registry.retention.rules import Rule
from registry.retention.services import add_rule
from registry.tags.immutability import add_immutability_rule
from tests.registry.api.management.asking import ask, basic, token
from tests.registry.builders import (
    NOW,
    hold,
    image,
    make_organization,
    make_repository,
    make_robot,
    make_user,
    push,
)
from tests.registry.events.hooks import make_hook

pytestmark = pytest.mark.django_db

BODY = image(b"{}", b"layer")
DIGEST = str(Digest.of(BODY))
READS, WRITES = frozenset({"pull"}), frozenset({"pull", "push", "delete"})
ADMINISTERS = WRITES | {"*"}
MEMBER, OWNER = frozenset({"member"}), frozenset({"member", "creator", "administrator"})


@dataclass(frozen=True, slots=True)
class Person:
    """What somebody holds in ``acme`` and in its private repository ``web``."""

    name: str
    held: frozenset[str] = frozenset()
    is_person: bool = True
    is_superuser: bool = False


PEOPLE = (
    Person("anonymous", is_person=False),
    Person("stranger"),
    Person("reader", READS),
    Person("writer", WRITES),
    Person("manager", ADMINISTERS),
    Person("member", MEMBER),
    Person("creator", MEMBER | {"creator"}),
    Person("acme-owner", ADMINISTERS | OWNER),
    Person("root1", is_superuser=True),
    Person("acme+ci", WRITES, is_person=False),
)
OPERATIONS = [
    (route, method, operation)
    for route in ROUTES
    for method, operation in route.operations.items()
    if operation.right != "anybody"
]
IDS = [operation.name for _, _, operation in OPERATIONS]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Mapping[str, str]]:
    """Everybody, and what each place in a path is filled with."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _world()
        transaction.set_rollback(True)


def _world() -> Mapping[str, str]:
    acme = make_organization("acme")
    for name in ("stranger", "reader", "writer", "manager", "member", "creator"):
        make_user(name)
    make_user("root1", is_superuser=True)
    web = make_repository("acme/web")
    hold(web, b"{}", b"layer")
    push(web, BODY)
    robot = make_robot(acme)
    for holder, role in (
        (_user("reader"), Role.READ),
        (_user("writer"), Role.WRITE),
        (_user("manager"), Role.ADMIN),
        (robot, Role.WRITE),
    ):
        grant(repository=web, role=role, holder=holder, now=NOW)
    for name in ("member", "creator"):
        team = create_team(organization=acme, name=f"{name}s", role=TeamRole(name), now=NOW)
        add_member(team=team, member=_user(name), now=NOW)
    return {**_places(acme, web), "secret": issue_robot_token(robot=robot, now=NOW)}


def _places(acme: Organization, web: Repository) -> dict[str, str]:
    prototype = set_default_permission(
        organization=acme, delegate=_user("reader"), role=DefaultRole.READ, now=NOW
    )
    rule: dict[str, Any] = {"pattern": "v.*", "syntax": "regex", "is_inverted": False, "now": NOW}
    announcement = Announcement.objects.create(text="x", severity="info", created_at=NOW)
    pruning = Rule.parse("number_of_tags", "10")
    return {
        "organization": "acme",
        "namespace": "acme",
        "team": "members",
        "member": "member",
        "robot": "ci",
        "client_id": create_application(organization=acme, name="app", now=NOW)[0].client_id,
        "user": "reader",
        "prefix": "rea",
        "name": "acme/web",
        "tag": "v1",
        "digest": DIGEST,
        "prototype": id_of(prototype.pk),
        "message": id_of(announcement.pk),
        "org-pruning-policy": id_of(add_rule(place=acme.namespace, rule=pruning, now=NOW).pk),
        "repository-pruning-policy": id_of(add_rule(place=web, rule=pruning, now=NOW).pk),
        "org-hook": str(make_hook(acme.namespace).uuid),
        "repository-hook": str(make_hook(web).uuid),
        "org-immutability-policy": id_of(add_immutability_rule(place=acme.namespace, **rule).pk),
        "repository-immutability-policy": id_of(add_immutability_rule(place=web, **rule).pk),
    }


@pytest.mark.parametrize(("route", "method", "operation"), OPERATIONS, ids=IDS)
def test_an_operation_is_for_those_who_have_its_right(
    route: Route, method: str, operation: Operation, world: Mapping[str, str]
) -> None:
    wrong = []
    for person in PEOPLE:
        with _undone():
            answer = ask(_client(person, world), method, _path(route, person, world))
        if _is_let_through(answer) != _has_right(person, operation):
            wrong.append((person.name, answer))

    assert wrong == []


@pytest.mark.parametrize(("route", "method", "operation"), OPERATIONS, ids=IDS)
def test_an_operation_is_for_tokens_that_have_its_scope(
    route: Route, method: str, operation: Operation, world: Mapping[str, str]
) -> None:
    person = next(one for one in PEOPLE if _has_right(one, operation) and one.is_person)
    if operation.right in ADMINISTERS:  # who may not do it at all is another matter
        person = next(one for one in PEOPLE if one.name == "acme-owner")
    needed = {operation.scope} - {""}
    others = frozenset(one for one in ALL_SCOPES if not needed & _with_implied(one))
    answers = []
    for scopes in (frozenset(needed) or others, others):
        with _undone():
            client = Client(headers=token(person.name, scopes), raise_request_exception=False)
            answers.append(ask(client, method, _path(route, person, world)))

    assert [_is_let_through(answer) for answer in answers] == [True, not needed], answers


@pytest.mark.parametrize("name", ["anonymous", "stranger", "writer", "creator", "acme+ci"])
def test_nobody_gets_more_rights_whatever_a_body_says(name: str, world: Mapping[str, str]) -> None:
    person = next(one for one in PEOPLE if one.name == name)
    before = _rights_of_everybody()

    changed = []
    for route, method, operation in OPERATIONS:
        if method == "GET":
            continue
        with _undone():
            path = _path(route, person, world)
            ask(_client(person, world), method, path, _claims_everything(name))
            if _rights_of_everybody() != before:
                changed.append(operation.name)

    assert changed == []


def _claims_everything(name: str) -> dict[str, Any]:
    """What any operation reads, and what somebody might wish that it did."""
    somebody = {"name": name, "kind": "user"}
    return {
        "username": "reader",
        "password": "another tall ship 8",
        "email": "taken@example.com",
        "enabled": False,
        "is_superuser": True,
        "super_user": True,
        "superuser": True,
        "is_staff": True,
        "is_active": True,
        "role": "admin",
        "scope": "super:user",
        "scopes": ["super:user"],
        "delegate": somebody,
        "activating_user": somebody,
        "user": name,
        "owner": name,
        "name": "acme",
        "namespace": "acme",
        "organization": "acme",
        "repository": "web",
        "visibility": "public",
        "description": "mine",
        "title": "mine",
        "immutable": False,
        "state": "NORMAL",
        "method": "number_of_tags",
        "value": "1",
        "tagPattern": ".*",
        "message": {"content": "x", "severity": "info", "media_type": "text/plain"},
    }


def _rights_of_everybody() -> list[Any]:
    web = Repository.objects.get(path="acme/web")
    acme = {"team__organization__namespace__name": "acme"}
    rows = (
        User.objects.values_list("username", "password", "email", "is_superuser", "is_active"),
        TeamMember.objects.filter(**acme).values_list("team__role", "user", "robot"),
        Team.objects.values_list("organization", "name", "role"),
        DefaultPermission.objects.values_list("organization", "role", "delegate_user"),
        RepositoryGrant.objects.filter(repository=web).values_list("role", "user", "robot", "team"),
        AccessToken.objects.filter(robot__namespace__name="acme").values_list("robot", "sha256"),
        Announcement.objects.values_list("text"),
        [web.is_public],
    )
    return [sorted(map(str, found)) for found in rows]


@pytest.mark.parametrize(
    ("route", "method", "operation"),
    [row for row in OPERATIONS if {"pull", "member", *OWNER, *ADMINISTERS} & {row[2].right}],
)
def test_who_may_not_see_a_thing_is_answered_as_if_it_were_not_there(
    route: Route, method: str, operation: Operation, world: Mapping[str, str]
) -> None:
    client = Client(headers=token("stranger"), raise_request_exception=False)
    person = next(one for one in PEOPLE if one.name == "stranger")

    answers = []
    for organization, name in (("acme", "acme/web"), ("none", "none/web")):
        there = {**world, "organization": organization, "name": name}
        with _undone():
            status, document = ask(client, method, _path(route, person, there))
        said = str(document).replace("none/web", "acme/web").replace(" none", " acme")
        answers.append((status, said))

    assert answers[0] == answers[1]


class _undone:  # noqa: N801 - reads as a function does
    """What is asked in it leaves no trace."""

    def __enter__(self) -> None:
        self._atomic = transaction.atomic()
        self._atomic.__enter__()

    def __exit__(self, *_: object) -> None:
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)


def _client(person: Person, world: Mapping[str, str]) -> Client:
    if person.name == "anonymous":
        return Client(raise_request_exception=False)
    if "+" in person.name:
        headers = basic(person.name, world["secret"])
        return Client(headers=headers, raise_request_exception=False)
    return Client(headers=token(person.name), raise_request_exception=False)


def _path(route: Route, person: Person, world: Mapping[str, str]) -> str:
    path = route.path
    if "notification" in route.path:
        places_of_hooks = {"org": "org-hook", "repository": "repository-hook"}
        key = places_of_hooks.get(route.name.partition("-")[0], "")
        world = {**world, "notification": world.get(key, "none")}
    places = {**world, "policy": world.get(route.name, "1"), "token": "1", "label": "1"}
    places["authorization"] = "1"
    if route.name.startswith("user-") and person.is_person:  # what is their own is there
        places |= _own(route, _user(person.name))
    if route.name == "star" and person.is_person:
        web = Repository.objects.get(path="acme/web")
        star(repository=web, user=_user(person.name))
    if route.name == "apptoken" and person.is_person:
        token(person.name)
        places["token"] = id_of(_user(person.name).tokens.earliest("pk").pk)
    for name, value in places.items():
        path = path.replace(f"{{{name}}}", value)
    return f"/{path}"


def _own(route: Route, user: User) -> dict[str, str]:
    if "robot" in route.name:
        create_robot(owner=user.namespace, short_name="ci", now=NOW)
    hook = make_hook(user.namespace)
    rule = add_rule(place=user.namespace, rule=Rule.parse("number_of_tags", "1"), now=NOW)
    return {"policy": id_of(rule.pk), "notification": str(hook.uuid)}


def _has_right(person: Person, operation: Operation) -> bool:
    match operation.right:
        case "person":
            return person.is_person
        case "superuser":
            return person.is_superuser
        case "visitor":
            return True
        case "creator":
            return person.is_person
    return operation.right in person.held


def _is_let_through(answer: tuple[int, Any]) -> bool:
    return answer[0] not in {401, 403, 404} or _is_about_content(answer)


def _is_about_content(answer: tuple[int, Any]) -> bool:
    """A 404 of what is in a thing that the asker may see."""
    words = (
        "no label",
        "no authorization",
        "no token 1",
        "no star",
        "User does not",
        "no role in acme",
    )
    return answer[0] == 404 and any(word in answer[1]["detail"] for word in words)


def _with_implied(scope: str) -> frozenset[str]:
    implied = {"repo:admin": {"repo:write", "repo:read"}, "repo:write": {"repo:read"}}
    return frozenset({scope} | implied.get(scope, set()))


def _user(name: str) -> User:
    return User.objects.get(username=name)


def test_the_ceilings_of_tokens_are_made_of_scopes() -> None:
    assert OF_CEILING["admin"] == ALL_SCOPES - {"super:user"}

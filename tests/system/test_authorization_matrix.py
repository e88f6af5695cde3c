"""Who may do what, on every route: generated from the URL configuration, held to a table."""

import jwt
import pytest
from django.test import Client

from tests.browser.places import PAGES
from tests.system.asking import ask, send
from tests.system.matrix import (
    FOREIGN,
    METHODS,
    OPEN_ROUTES,
    OTHERS,
    RIGHTS,
    ROWS,
    Row,
    methods_of,
    named_routes,
)
from tests.system.world import EVERYTHING, Caller, World

pytestmark = pytest.mark.django_db

CELLS = [pytest.param(*key, id=" ".join(key)) for key in ROWS]
KINDS = ["public", "private", "absent"]


def test_every_route_and_method_has_its_row() -> None:
    served = {
        (name, method)
        for name, route in named_routes()
        if name.startswith("distribution:")
        for method in methods_of(route)
    }

    assert served == {*ROWS, *OTHERS}


def test_every_other_route_is_held_to_a_table_of_its_own() -> None:
    tables = ("distribution:", "docker_v1:", "helm:", "management:", "admin:", *PAGES)
    others = {name for name, _ in named_routes() if not name.startswith(tables)}
    redirects = {name for name, _ in named_routes() if name.startswith("ui:<")}

    assert others | redirects == OPEN_ROUTES


@pytest.mark.parametrize("repository", KINDS)
@pytest.mark.parametrize(("route", "method"), CELLS)
def test_a_route_serves_who_has_the_right_and_nobody_else(
    route: str, method: str, repository: str, world: World
) -> None:
    for row in ROWS[route, method]:
        for caller in world.callers.values():
            for way in _ways(caller):
                answer = ask(world, row, method, caller, way, repository)
                expected = _expected(row, caller, repository)
                assert answer.status_code == expected, (caller, way, row, answer)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in RIGHTS if name != FOREIGN])
def test_a_token_says_what_its_caller_may(name: str, kind: str, world: World) -> None:
    caller = world.callers[name]
    repository = world.repositories[kind]
    token = caller.token(f"repository:{repository}:{EVERYTHING}")

    access = jwt.decode(token, options={"verify_signature": False})["access"]
    assert {action for entry in access for action in entry["actions"]} == RIGHTS[name][kind]


@pytest.mark.parametrize(("route", "method"), CELLS)
def test_nobody_is_served_without_credentials(route: str, method: str, world: World) -> None:
    for row in ROWS[route, method]:
        for repository in KINDS:
            answer = ask(world, row, method, world.callers["anonymous"], "basic", repository)
            assert answer.status_code == 401, (row, repository)
            scope = f'scope="repository:{world.repositories[repository]}:'
            assert scope in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("key", OTHERS, ids=" ".join)
def test_a_route_about_no_repository(key: tuple[str, str], world: World) -> None:
    path, without_login, with_login = OTHERS[key]
    for method in METHODS if key[1] == "*" else [key[1]]:
        assert send(method, path, {}).status_code == without_login
        for caller in world.callers.values():
            if caller.login:
                scope = "registry:catalog:*"
                for headers in (caller.basic(), caller.bearer(scope)):
                    if path == "/v2/auth" and headers["Authorization"].startswith("Bearer"):
                        continue
                    assert send(method, path, headers).status_code == with_login, caller


@pytest.mark.parametrize(("route", "method"), CELLS)
def test_a_method_without_a_row_is_refused_to_everybody(
    route: str, method: str, world: World
) -> None:
    row = ROWS[route, method][0]
    for other in METHODS:
        if (route, other) in ROWS:
            continue
        for name in ("anonymous", "owner"):
            answer = ask(world, row, other, world.callers[name], "basic", "private")
            assert answer.status_code == 405, (other, name)


def test_the_catalog_lists_only_what_its_caller_may_read(world: World) -> None:
    listed = {}
    for name, caller in world.callers.items():
        if caller.login:
            answer = Client().get("/v2/_catalog", headers=dict(caller.basic()))
            listed[name] = set(answer.json()["repositories"])

    everything = {"acme/public", "acme/private", "acme/elsewhere"}
    both = {"acme/public", "acme/private"}
    assert listed == {
        "outsider": {"outsider/own"},
        "reader": both,
        "writer": both,
        "manager": both,
        "robot": both,
        "owner": everything,
        "owner with a read token": everything,
        "owner with a token of another repository": everything,
    }


def _ways(caller: Caller) -> list[str]:
    """Who comes without credentials is told to get a token, which lets everybody in."""
    return ["basic", "bearer"] if caller.login and not caller.token_for else ["bearer"]


def _expected(row: Row, caller: Caller, repository: str) -> int:
    if row.action not in RIGHTS[caller.name][repository]:
        return 401
    return row.absent if repository == "absent" else row.status

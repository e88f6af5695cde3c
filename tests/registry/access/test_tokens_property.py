"""Whatever scopes a token is asked for, the token that is issued is taken, and gives what it says.

Scopes are made at random: many and few, names short, long and odd, actions that exist and that do
not, one repository in several scopes, several scopes in one parameter.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from registry.access.scopes import parse_scopes
from registry.access.tokens import MAX_TOKEN_BYTES
from registry.repositories.models import Role
from registry.repositories.services import grant
from tests.registry.api.management.test_tags import basic
from tests.registry.builders import NOW, PASSWORD, make_repository, make_user

pytestmark = pytest.mark.django_db

AUTH: Final = "/v2/auth"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
ABSENT: Final = f"sha256:{'0' * 64}"
ROLES: Final = {"acme/read": Role.READ, "acme/write": Role.WRITE, "acme/admin": Role.ADMIN}
NAMES: Final = (*ROLES, "acme/hidden", "acme/open", "acme/none", "library/hello")
ACTIONS: Final = ("pull", "push", "delete", "*", "PULL", "fly", "", "pull:push", "ß")
KINDS: Final = (*("repository",) * 6, "repository(plugin)", "registry", "Repository", "", "x")
MOST_TRIED: Final = 3
WARNING: Final = re.compile(r'299 - "the token has no room for (\d+) of the scopes; ask for fewer"')

names = st.one_of(
    st.sampled_from((*NAMES, "catalog", "bob/new", "BOB/NEW", "bob//new", "elsewhere/new")),
    st.builds("bob/{}{}".format, st.sampled_from("a0z"), st.integers(1, 250).map("x".__mul__)),
    st.integers(1, 130).map(lambda depth: "/".join(["bob", *["a"] * depth])),
    st.text(max_size=30),
)
scopes = st.builds(
    lambda kind, name, actions: f"{kind}:{name}:{','.join(actions)}",
    st.sampled_from(KINDS),
    names,
    st.lists(st.sampled_from(ACTIONS), max_size=4),
)
long_scopes = st.integers(100, 240).flatmap(
    lambda length: st.integers(30, 60).map(
        lambda count: [f"repository:bob/{'x' * length}{n}:pull,push,delete" for n in range(count)]
    )
)
asked_for = st.one_of(
    st.lists(st.lists(scopes, min_size=1, max_size=4).map(" ".join), max_size=20), long_scopes
)


@pytest.fixture
def _world() -> None:
    bob = make_user("bob")
    for name in (*ROLES, "acme/hidden", "acme/open", "library/hello"):
        repository = make_repository(name, is_public=name in ("acme/open", "library/hello"))
        if name in ROLES:
            grant(repository=repository, role=ROLES[name], holder=bob, now=NOW)


@pytest.mark.usefixtures("_world")
@given(asked=asked_for, is_known=st.booleans(), by_form=st.booleans())
def test_a_token_that_is_issued_is_taken_for_all_that_it_grants(
    asked: list[str], is_known: bool, by_form: bool
) -> None:
    client = Client()
    if is_known and by_form:
        form = {"grant_type": "password", "username": "bob", "password": PASSWORD, "scope": asked}
        answer = client.post(AUTH, urlencode(form, doseq=True), FORM_TYPE)
    else:
        login = basic("bob") if is_known else {}
        answer = client.get(AUTH, {"scope": asked or ["repository:acme/open:pull"]}, headers=login)
    if answer.status_code != 200:
        # Nobody in particular asked for nothing, or a push by a bare name is told what that means.
        assert answer.status_code == (403 if is_known else 401)
        return

    said = answer.json()
    headers = {"Authorization": f"Bearer {said['token']}"}
    assert len(said["token"]) <= MAX_TOKEN_BYTES
    assert client.get("/v2/", headers=headers).status_code == 200
    granted = {
        (scope.kind, scope.name): scope.actions for scope in parse_scopes(said["scope"].split())
    }
    wanted = {(scope.kind, scope.name): scope.actions for scope in parse_scopes(asked)}
    for key, actions in [*granted.items()][:MOST_TRIED] + [*granted.items()][-MOST_TRIED:]:
        assert actions <= wanted.get(key, frozenset({"pull"}))
        _assert_taken(client, *key, actions, headers)
    told = WARNING.fullmatch(answer.headers.get("Warning", ""))
    left_out = [key for key in wanted if key not in granted]
    assert told is None or int(told.group(1)) <= len(left_out)
    if asked and asked[0].startswith("repository:bob/xxxx"):  # all of which bob may have
        assert len(left_out) == (int(told.group(1)) if told else 0) or not is_known


def _assert_taken(
    client: Client, kind: str, name: str, actions: frozenset[str], headers: Mapping[str, str]
) -> None:
    """Neither 401 nor 403: what is not there is 404."""
    if kind == "registry":
        assert client.get("/v2/_catalog", headers=headers).status_code == 200
        return
    at = f"/v2/{name}"
    if "push" in actions:
        assert client.post(f"{at}/blobs/uploads/", headers=headers).status_code == 202
    if "pull" in actions:
        assert client.get(f"{at}/manifests/{ABSENT}", headers=headers).status_code == 404
    if "delete" in actions:
        assert client.delete(f"{at}/manifests/{ABSENT}", headers=headers).status_code == 404

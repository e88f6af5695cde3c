"""Scopes: what a token is asked for, what it grants, and what it opens."""

from typing import Any

import pytest

from tests.conformance.client import Client
from tests.conformance.content import unique
from tests.conformance.repository import Repository
from tests.conformance.test_tokens import claims_of

Access = dict[str, set[str]]


def granted(client: Client, *scopes: str) -> Access:
    """Actions by name of what a token grants, without what it grants nothing of."""
    entries: Any = claims_of(client.token(*scopes))["access"]
    return {entry["name"]: set(entry["actions"]) for entry in entries if entry["actions"]}


def test_a_scope_grants_what_was_asked_for(alice: Client, writable: Repository) -> None:
    name = writable.name

    assert granted(alice, f"repository:{name}:pull") == {name: {"pull"}}
    assert granted(alice, f"repository:{name}:pull,push") == {name: {"pull", "push"}}
    assert granted(alice, f"repository:{name}:push,pull") == {name: {"pull", "push"}}


def test_a_star_stands_for_every_action(alice: Client, writable: Repository) -> None:
    actions = granted(alice, f"repository:{writable.name}:*")[writable.name]

    assert {"pull", "push"} <= actions


def test_a_scope_grants_no_more_than_the_caller_has(
    bob: Client, readable: Repository, writable: Repository, public: Repository
) -> None:
    private = f"{readable.client.username}/private"
    asked = [readable.name, writable.name, public.name, private]

    access = granted(bob, *(f"repository:{name}:pull,push,delete" for name in asked))

    assert access[readable.name] == access[public.name] == {"pull"}
    assert {"pull", "push"} <= access[writable.name]
    assert private not in access


def test_anybody_is_granted_to_pull_what_is_public(anonymous: Client, public: Repository) -> None:
    assert granted(anonymous, f"repository:{public.name}:pull,push") == {public.name: {"pull"}}


def test_a_repository_that_may_be_created_is_granted(
    alice: Client, bob: Client, repository: Repository
) -> None:
    scope = f"repository:{repository.name}:pull,push"

    assert granted(alice, scope)[repository.name] == {"pull", "push"}
    assert granted(bob, scope) == {}


@pytest.mark.parametrize("form", ["repeated", "spaces", "both", "the same twice", "much space"])
def test_many_scopes_may_be_asked_at_once(form: str, alice: Client) -> None:
    a, b = (f"repository:{alice.username}/{name}:pull,push" for name in "ab")
    scopes = {
        "repeated": [a, b],
        "spaces": [f"{a} {b}"],
        "both": [f"{a} {b}", a],
        "the same twice": [a, b, b, a],
        "much space": [f"  {a}   {b} "],
    }[form]

    access = granted(alice, *scopes)

    assert access == {f"{alice.username}/{name}": {"pull", "push"} for name in "ab"}


def test_actions_of_one_repository_asked_in_parts_are_all_granted(
    alice: Client, writable: Repository
) -> None:
    """containerd asks for the same repository twice in one scope."""
    name = writable.name
    headers = alice.bearer(f"repository:{name}:pull repository:{name}:pull,push")

    answer = alice.send("POST", writable.uploads(), body=b"", headers=headers)

    assert answer.status == 202


@pytest.mark.parametrize(
    "scope",
    [
        "repository:{name}:unknown",
        "repository:{name}:PULL",
        "repository:{name}:",
        "repository:{name}",
        "repository:{name}:,",
        "repository:{name}: pull",
        "Repository:{name}:pull",
        "repository(plugin):{name}:unknown",
        "unknown:{name}:pull",
        "registry:{name}:pull",
        "registry:catalog:unknown",
        "registry:other:*",
        "repository::pull",
        "repository:UPPER/case:pull",
        "repository:../x:pull",
        "repository:*:*",
        "repository:a*:pull",
        "repository:{name}/:pull",
        "repository:/{name}:pull",
        "repository:\0:pull",
        "repository:\u00e9/x:pull",
        "repository:" + "a" * 3000 + ":pull",
        "repository:nobody-here/x:pull,push",
        "::",
        ":::::",
        ":",
        "repository",
        "*",
        "",
        '"',
        "'; drop table x; --",
    ],
)
def test_a_scope_that_cannot_be_granted_grants_nothing(
    scope: str, alice: Client, writable: Repository
) -> None:
    """An answer without rights, never an error: the client learns at the resource."""
    answer = alice.ask_token(scope.format(name=writable.name))

    assert answer.status == 200
    access: Any = claims_of(answer.json()["token"])["access"]
    assert all(entry["actions"] == [] for entry in access)


def test_an_unknown_action_beside_known_ones_is_left_out(
    alice: Client, writable: Repository
) -> None:
    access = granted(alice, f"repository:{writable.name}:pull,unknown,push,")

    assert access == {writable.name: {"pull", "push"}}


def test_one_scope_that_is_refused_spoils_no_other(alice: Client, writable: Repository) -> None:
    scopes = [
        "unknown:x:y",
        f"repository:{writable.name}:pull",
        "repository:nobody-here/x:push",
        ":",
    ]

    assert granted(alice, *scopes) == {writable.name: {"pull"}}


def test_hundreds_of_scopes_do_no_harm(alice: Client) -> None:
    answer = alice.ask_token(*(f"repository:{alice.username}/r{n}:pull" for n in range(300)))

    assert answer.status == 200


@pytest.mark.parametrize("actions", ["pull", "push", "delete", "pull,push"])
def test_a_token_opens_only_the_actions_it_grants(actions: str, repository: Repository) -> None:
    client, content = repository.client, unique()
    digest = repository.push_blob(content)["digest"]
    headers = client.bearer(f"repository:{repository.name}:{actions}")

    pull = client.send("GET", repository.blob(digest), headers=headers)
    push = client.send("POST", repository.uploads(), body=b"", headers=headers)

    assert pull.status == (200 if "pull" in actions else 401)
    assert push.status == (202 if "push" in actions else 401)
    for answer in (pull, push):
        if answer.status == 401:
            assert answer.challenge["error"] == "insufficient_scope"
            assert answer.challenge["scope"].startswith(f"repository:{repository.name}:")


def test_a_token_for_one_repository_opens_no_other(
    repository: Repository, writable: Repository
) -> None:
    client = repository.client
    digest = repository.push_blob(unique())["digest"]
    headers = client.bearer(f"repository:{writable.name}:pull,push,delete")

    for method, path in [
        ("GET", repository.blob(digest)),
        ("HEAD", repository.blob(digest)),
        ("GET", repository.manifest("v1")),
        ("PUT", repository.manifest("v1")),
        ("POST", repository.uploads()),
        ("DELETE", repository.blob(digest)),
        ("GET", repository.path("tags/list")),
        ("GET", repository.path(f"referrers/{digest}")),
        ("GET", "/v2/_catalog"),
    ]:
        answer = client.send(method, path, body=b"", headers=headers)

        assert answer.status == 401, (method, path)
        assert answer.challenge["error"] == "insufficient_scope"


def test_a_name_that_begins_with_a_granted_one_is_another(
    repository: Repository, writable: Repository
) -> None:
    headers = writable.client.bearer(f"repository:{writable.name}:pull,push")

    for name in (f"{writable.name}/x", f"{writable.name}x", writable.name[:-1]):
        answer = repository.client.send("GET", f"/v2/{name}/tags/list", headers=headers)
        assert answer.status == 401

"""What a request for a token asks for."""

import pytest

from registry.access.scopes import ALL_ACTIONS, MAX_SCOPES, Scope, parse_scopes


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (["repository:acme/web:pull"], [("repository", "acme/web", "pull")]),
        (["repository:acme/web:pull,push"], [("repository", "acme/web", "pull push")]),
        (["repository:acme/web:push,pull,pull"], [("repository", "acme/web", "pull push")]),
        (["repository:acme/web:*"], [("repository", "acme/web", "* delete pull push")]),
        (["repository:web:delete"], [("repository", "web", "delete")]),
        (["registry:catalog:*"], [("registry", "catalog", "* delete pull push")]),
        (["repository:host:5000/acme:pull"], [("repository", "host:5000/acme", "pull")]),
        (["repository(plugin):acme/web:pull"], [("repository", "acme/web", "pull")]),
        (["repository:acme/web:pull,fly"], [("repository", "acme/web", "pull")]),
        (["repository:acme/web:PULL"], [("repository", "acme/web", "")]),
        (["repository:acme/web:"], [("repository", "acme/web", "")]),
        (["repository:acme/web"], []),
        (["repository"], []),
        (["repository::pull"], []),
        ([":::"], [("", ":", "")]),
        ([""], []),
        ([], []),
    ],
)
def test_a_scope_is_read_as_docker_defines_it(
    parameters: list[str], expected: list[tuple[str, str, str]]
) -> None:
    scopes = [(s.kind, s.name, " ".join(sorted(s.actions))) for s in parse_scopes(parameters)]

    assert scopes == expected


def test_several_scopes_come_in_one_parameter_or_in_many() -> None:
    together = parse_scopes(["repository:a/b:pull repository:c/d:push"])

    assert together == parse_scopes(["repository:a/b:pull", "repository:c/d:push"])
    assert [scope.name for scope in together] == ["a/b", "c/d"]


def test_scopes_of_one_repository_become_one() -> None:
    assert parse_scopes(["repository:a/b:pull", "repository:a/b:push"]) == [
        Scope("repository", "a/b", frozenset({"pull", "push"}))
    ]


def test_a_star_stands_for_every_action() -> None:
    assert parse_scopes(["repository:a/b:*"])[0].actions == ALL_ACTIONS


def test_no_more_scopes_count_than_a_client_needs() -> None:
    assert len(parse_scopes([f"repository:a/b{n}:pull" for n in range(1000)])) == MAX_SCOPES
    assert len(parse_scopes([" ".join(f"repository:a/b{n}:pull" for n in range(1000))])) == (
        MAX_SCOPES
    )

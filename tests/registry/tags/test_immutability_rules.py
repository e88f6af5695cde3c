"""Rules for immutable tags, added and removed by people, and tried before."""

import pytest

from accounts.audit.models import AuditEvent
from accounts.users.models import Namespace
from artifacts.oci.patterns import Syntax, TagPattern
from registry.repositories.models import Repository
from registry.tags.immutability import (
    MAX_RULES,
    ImmutabilityRuleRefused,
    add_immutability_rule,
    chosen_tags,
    remove_immutability_rule,
)
from registry.tags.models import ImmutabilityRule, Tag
from tests.registry.builders import NOW, hold, image, make_repository, push

pytestmark = pytest.mark.django_db


def add(
    place: Namespace | Repository, pattern: str = "v*", *, syntax: str = "glob", but: bool = False
) -> ImmutabilityRule:
    return add_immutability_rule(
        place=place, pattern=pattern, syntax=syntax, is_inverted=but, now=NOW
    )


def push_tags(repository: Repository, *names: str) -> None:
    hold(repository, b"{}")
    for name in names:
        push(repository, image(b"{}"), name)


def immutable(repository: Repository) -> set[str]:
    tags = Tag.objects.live().filter(repository=repository, is_immutable=True)
    return set(tags.values_list("name", flat=True))


def test_a_rule_is_for_tags_that_come_after_it(repository: Repository) -> None:
    push_tags(repository, "v1")

    add(repository)
    push_tags(repository, "v2", "latest")

    assert immutable(repository) == {"v2"}
    assert AuditEvent.objects.get(action="immutability.rule.add").target == "acme/web"


def test_the_rule_of_a_namespace_holds_in_its_repositories(repository: Repository) -> None:
    add(Namespace.objects.get(name="acme"), "^v[0-9]", syntax="regex", but=True)
    push_tags(repository, "v1", "latest")

    assert immutable(repository) == {"latest"}


def test_a_rule_that_was_removed_makes_nothing_immutable_any_more(repository: Repository) -> None:
    rule = add(repository)
    push_tags(repository, "v1")

    remove_immutability_rule(rule=rule, now=NOW)
    push_tags(repository, "v2")

    assert immutable(repository) == {"v1"}
    event = AuditEvent.objects.get(action="immutability.rule.remove")
    assert (event.target, event.detail) == ("acme/web", '{"rule": "v*"}')


@pytest.mark.parametrize(
    ("pattern", "syntax", "reason"),
    [
        ("", "glob", "from 1 to 256 characters"),
        ("(", "regex", "no pattern that can be used"),
        ("ä", "glob", "characters that no tag can have"),
        ("v", "x", "'x' is none of"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(
    repository: Repository, pattern: str, syntax: str, reason: str
) -> None:
    with pytest.raises(ImmutabilityRuleRefused, match=reason):
        add(repository, pattern, syntax=syntax)

    assert not ImmutabilityRule.objects.exists()


def test_a_place_has_a_bounded_number_of_rules(repository: Repository) -> None:
    for number in range(MAX_RULES):
        add(repository, f"v{number}")

    with pytest.raises(ImmutabilityRuleRefused, match="the most there can be"):
        add(repository, "w")


def test_chosen_tags_are_those_of_the_place_and_say_how_many_were_looked_at(
    repository: Repository,
) -> None:
    push_tags(repository, "v1", "v2", "w1")
    push_tags(make_repository("acme/other"), "v3")
    push_tags(make_repository("umbrella/web"), "v4")
    pattern = TagPattern("v*", Syntax.GLOB)

    def names(place: Namespace | Repository, *, but: bool = False, first: int = 10) -> list[str]:
        found = chosen_tags(place=place, pattern=pattern, is_inverted=but, looked_at=first, now=NOW)
        assert found.has_more == (found.looked_at == first)
        return [tag.name for tag in found.tags]

    assert names(repository) == ["v1", "v2"]
    assert names(repository, but=True) == ["w1"]
    assert names(Namespace.objects.get(name="acme")) == ["v1", "v2", "v3"]
    assert names(repository, first=1) == ["v1"]


@pytest.mark.parametrize(("looked_at", "has_more"), [(2, True), (3, False)])
def test_that_all_tags_were_looked_at_is_known(
    repository: Repository, looked_at: int, has_more: bool
) -> None:
    push_tags(repository, "v1", "v2", "w1")

    found = chosen_tags(
        place=repository,
        pattern=TagPattern("v*", Syntax.GLOB),
        is_inverted=False,
        looked_at=looked_at,
        now=NOW,
    )

    assert (found.looked_at, found.has_more) == (looked_at, has_more)

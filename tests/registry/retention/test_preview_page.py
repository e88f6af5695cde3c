"""Rules that are only proposed, tried on some tags at a time."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.users.models import Namespace
from registry.repositories.models import Repository
from registry.retention.models import RetentionRule, RetentionRun
from registry.retention.rules import Decision, Rule
from registry.retention.selection import configured_rules, namespace_rules, own_rules
from registry.retention.services import (
    MAX_RULES,
    RetentionOff,
    TooManyRules,
    preview,
    preview_page,
    request_run,
    set_rules,
)
from registry.retention.tasks import sweep
from tests.registry.builders import NOW, make_repository, push
from tests.registry.retention.tags import (
    KEEP,
    LATER,
    NUMBER,
    alive,
    companion,
    glob,
    push_tags,
    rules,
    sign,
    some_image,
)

pytestmark = pytest.mark.django_db

NEWEST_TWO = [Rule(NUMBER, 2)]


def some(
    repository: Repository,
    proposed: list[Rule],
    *,
    after: str = "",
    size: int = 10,
    counted: int = 1000,
) -> list[Decision]:
    found = preview_page(
        repository=repository, rules=proposed, after=after, size=size, counted=counted, now=LATER
    )
    return list(found)


def fates(decisions: list[Decision]) -> dict[str, bool]:
    return {one.tag.name: one.is_kept for one in decisions}


def test_proposed_rules_are_tried_and_not_kept(repository: Repository) -> None:
    push_tags(repository, "a", "b", "c")

    assert fates(some(repository, NEWEST_TWO)) == {"a": False, "b": True, "c": True}
    assert not RetentionRule.objects.exists()
    assert alive(repository) == {"a", "b", "c"}


def test_pages_together_are_the_whole_preview(repository: Repository) -> None:
    push_tags(repository, "a", "b", "c", "d", "e")
    rules(repository, *NEWEST_TWO)

    pages = [some(repository, NEWEST_TWO, after=after, size=2) for after in ("", "b", "d")]

    assert [one for page in pages for one in page] == list(
        preview(repository=repository, now=LATER)
    )


def test_companions_on_a_page_follow_a_subject_that_is_on_another(repository: Repository) -> None:
    push_tags(repository, "a", "z")
    subject = some_image(7)
    push(repository, subject, "v", now=NOW - timedelta(days=1))
    sign(repository, subject)
    name = companion(subject)

    (decision,) = some(repository, [Rule(NUMBER, 2)], after=name[:-1], size=1)

    assert decision.tag.name == name
    assert not decision.is_kept


def test_what_was_not_counted_is_open_and_what_was_counted_is_not(repository: Repository) -> None:
    push_tags(repository, *[f"nightly-{n}" for n in range(3)], *[f"v{n}" for n in range(3)])
    newest_nightly = Rule(NUMBER, 1, glob("nightly-*"))

    counted_all = some(repository, [newest_nightly], counted=1000)
    counted_some = some(repository, [newest_nightly], counted=3)

    assert not any(one.is_open for one in counted_all)
    assert {one.tag.name for one in counted_some if one.is_open} == {
        "nightly-0",
        "nightly-1",
        "nightly-2",
    }


def test_counting_that_came_to_its_end_leaves_nothing_open(repository: Repository) -> None:
    push_tags(repository, *[f"v{n}" for n in range(6)])

    decisions = some(repository, [Rule(KEEP, 2), Rule(NUMBER, 1)], counted=4)

    assert not any(one.is_open for one in decisions)
    assert [one.tag.name for one in decisions if one.is_kept] == ["v3", "v4", "v5"]


def test_the_rules_of_a_place_are_its_own_or_what_is_above(
    repository: Repository, settings: Settings
) -> None:
    settings.DEFAULT_NAMESPACE_AUTOPRUNE_POLICY = {"method": "number_of_tags", "value": 9}
    namespace = repository.namespace

    assert own_rules(namespace) == own_rules(repository) == ()
    assert namespace_rules(namespace) == configured_rules()
    set_rules(place=namespace, rules=NEWEST_TWO, now=NOW)
    assert own_rules(namespace) == namespace_rules(namespace).rules == tuple(NEWEST_TWO)
    assert own_rules(repository) == ()


def test_a_place_has_a_bounded_number_of_rules(repository: Repository) -> None:
    with pytest.raises(TooManyRules, match="at most 50"):
        set_rules(place=repository, rules=[Rule(KEEP)] * (MAX_RULES + 1), now=NOW)


def test_a_run_that_was_asked_for_does_not_wait_for_the_interval(repository: Repository) -> None:
    push_tags(repository, "a", "b", "c")
    rules(repository, *NEWEST_TWO)
    RetentionRun.objects.create(repository=repository, last_run_at=LATER)
    assert sweep(now=LATER, limit=10) == 0

    request_run(place=repository, now=LATER)

    assert sweep(now=LATER, limit=10) == 1
    assert alive(repository) == {"b", "c"}
    assert AuditEvent.objects.filter(action="retention.run.request", target="acme/web").exists()


def test_a_run_of_a_namespace_leaves_repositories_with_their_own_rules(
    repository: Repository,
) -> None:
    own = make_repository("acme/own")
    namespace = Namespace.objects.get(name="acme")
    set_rules(place=namespace, rules=NEWEST_TWO, now=NOW)
    set_rules(place=own, rules=[Rule(KEEP)], now=NOW)
    for one in (repository, own):
        RetentionRun.objects.create(repository=one, last_run_at=LATER)

    request_run(place=namespace, now=LATER)

    assert list(RetentionRun.objects.values_list("repository", flat=True)) == [own.pk]


def test_no_run_can_be_asked_for_while_retention_is_off(
    repository: Repository, settings: Settings
) -> None:
    settings.FEATURE_AUTO_PRUNE = False

    with pytest.raises(RetentionOff):
        request_run(place=repository, now=NOW)

    assert not AuditEvent.objects.filter(action="retention.run.request").exists()

"""What a run removes, what it leaves, and that the preview said so."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.names import Reference
from registry.manifests.models import Manifest
from registry.manifests.reads import note_pull, resolve_manifest
from registry.manifests.restoration import restore_tag
from registry.repositories.models import Repository
from registry.repositories.services import set_read_only
from registry.retention.models import RetentionRule
from registry.retention.rules import Rule
from registry.retention.selection import rules_of
from registry.retention.services import Outcome, RetentionOff, preview, run, set_rules
from registry.tags.models import EndReason, Tag
from registry.tags.services import set_expiry, set_immutable
from tests.registry.builders import NOW, hold, make_repository, push
from tests.registry.retention.tags import (
    AGE,
    DAY,
    HOUR,
    KEEP,
    LATER,
    NUMBER,
    PULL,
    alive,
    companion,
    glob,
    kept_by_preview,
    kept_by_run,
    push_tags,
    regex,
    rules,
    seconds,
    sign,
    some_image,
    why_ended,
)

pytestmark = pytest.mark.django_db


def pull(repository: Repository, name: str) -> None:
    """An hour before ``LATER``."""
    found = resolve_manifest(
        repository=repository, reference=Reference(tag=name), with_body=False, now=LATER - HOUR
    )
    note_pull(manifest=found, now=LATER - HOUR)


# --- Rules on a real repository -------------------------------------------------------------------


def test_the_newest_tags_stay(repository: Repository) -> None:
    push_tags(repository, "v1", "v2", "v3", "v4")
    rules(repository, Rule(NUMBER, 2))

    assert kept_by_run(repository) == {"v3", "v4"}
    assert why_ended(repository, "v1") is EndReason.RETENTION


def test_what_is_read_only_keeps_its_tags(repository: Repository) -> None:
    push_tags(repository, "v1", "v2", "v3")
    rules(repository, Rule(NUMBER, 2))
    set_read_only(repository=repository, is_read_only=True, now=NOW)

    assert kept_by_run(repository) == {"v1", "v2", "v3"}


def test_what_became_read_only_after_a_run_read_it_keeps_its_tags(repository: Repository) -> None:
    push_tags(repository, "v1", "v2", "v3")
    rules(repository, Rule(NUMBER, 2))
    read_before = Repository.objects.get()
    set_read_only(repository=repository, is_read_only=True, now=NOW)

    assert run(repository=read_before, now=LATER) == Outcome()
    assert alive(repository, LATER) == {"v1", "v2", "v3"}


def test_old_tags_go(repository: Repository) -> None:
    push_tags(repository, "old")
    push_tags(repository, "young", by=LATER - DAY)
    rules(repository, Rule(AGE, seconds(2)))

    assert kept_by_run(repository) == {"young"}


def test_tags_that_nobody_pulls_go(repository: Repository) -> None:
    push_tags(repository, "pulled", "forgotten")
    push_tags(repository, "young", by=LATER - DAY)
    pull(repository, "pulled")
    rules(repository, Rule(PULL, seconds(2)))

    assert kept_by_run(repository) == {"pulled", "young"}


def test_patterns_choose_the_tags(repository: Repository) -> None:
    push_tags(repository, "latest", "v1", "v2", "v3", "dev-1", "dev-2")
    rules(
        repository,
        Rule(KEEP, 0, glob("latest")),
        Rule(NUMBER, 1, regex("^v[0-9]+$")),
        Rule(AGE, 1, glob("v*"), False),
    )

    assert kept_by_run(repository) == {"latest", "v3"}


def test_the_second_run_finds_nothing_to_do(repository: Repository) -> None:
    push_tags(repository, "v1", "v2", "v3")
    rules(repository, Rule(NUMBER, 1))

    assert run(repository=repository, now=LATER) == Outcome(tags=2)
    assert run(repository=repository, now=LATER + HOUR) == Outcome()


def test_more_tags_than_fit_a_page_are_all_looked_at(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.retention.facts.PAGE_ROWS", 2)
    push_tags(repository, *[f"v{n}" for n in range(7)])
    rules(repository, Rule(NUMBER, 1, glob("v[2-6]")))

    assert kept_by_run(repository) == {"v0", "v1", "v6"}


def test_an_immutable_tag_stays(repository: Repository) -> None:
    push_tags(repository, "v1", "v2", "v3")
    set_immutable(repository=repository, name="v1", is_immutable=True, now=NOW)
    rules(repository, Rule(NUMBER, 1))

    assert kept_by_run(repository) == {"v1", "v3"}


def test_an_immutable_tag_stays_where_the_feature_was_switched_off_since(
    repository: Repository, settings: Settings
) -> None:
    push_tags(repository, "v1")
    set_immutable(repository=repository, name="v1", is_immutable=True, now=NOW)
    rules(repository, Rule(AGE, 1))
    settings.FEATURE_IMMUTABLE_TAGS = False

    assert kept_by_run(repository) == {"v1"}


def test_an_expired_tag_is_not_counted(repository: Repository) -> None:
    push_tags(repository, "v1", "v2", "v3")
    set_expiry(repository=repository, name="v3", expires_at=NOW + DAY, now=NOW)
    rules(repository, Rule(NUMBER, 1))

    assert kept_by_run(repository) == {"v2"}


def test_what_was_removed_can_be_restored(repository: Repository) -> None:
    push_tags(repository, "v1", "v2")
    digest = Tag.objects.get(name="v1").manifest.digest
    rules(repository, Rule(NUMBER, 1))
    run(repository=repository, now=LATER)

    with pytest.raises(ManifestUnknown, match=r"removed by a retention policy .* can be restored"):
        pull(repository, "v1")
    restore_tag(repository=repository, name="v1", digest=digest, now=LATER + HOUR)

    assert alive(repository, LATER + HOUR) == {"v1", "v2"}


def test_a_restored_tag_counts_from_its_restore(repository: Repository) -> None:
    push_tags(repository, "v1")
    digest = Tag.objects.get(name="v1").manifest.digest
    rules(repository, Rule(AGE, seconds(1)))
    run(repository=repository, now=LATER)
    restore_tag(repository=repository, name="v1", digest=digest, now=LATER + HOUR)

    assert kept_by_run(repository, LATER + 2 * HOUR) == {"v1"}
    assert kept_by_run(repository, LATER + 2 * DAY) == set()


def test_a_run_is_audited_with_its_counts(repository: Repository) -> None:
    hold(repository, b"{}")
    push(repository, some_image())
    sign(repository, some_image())
    push_tags(repository, "v2")
    rules(repository, Rule(AGE, 1))

    run(repository=repository, now=LATER, by=Actor("alice"))
    run(repository=repository, now=LATER + HOUR, by=Actor("alice"))

    event = AuditEvent.objects.get(action="retention.run")
    assert (event.actor, event.target) == ("alice", "acme/web")
    assert event.detail == '{"companions": 1, "tags": 2}'


# --- Where rules come from ------------------------------------------------------------------------


def test_an_organization_s_rules_hold_in_its_repositories(repository: Repository) -> None:
    push_tags(repository, "v1", "v2")
    set_rules(place=repository.namespace, rules=[Rule(NUMBER, 1)], now=NOW)

    assert kept_by_run(repository) == {"v2"}


def test_they_do_not_hold_elsewhere(repository: Repository) -> None:
    other = make_repository("other/web")
    push_tags(other, "v1", "v2")
    set_rules(place=repository.namespace, rules=[Rule(NUMBER, 1)], now=NOW)

    assert kept_by_run(other) == {"v1", "v2"}


def test_a_repository_s_own_rules_replace_them(repository: Repository) -> None:
    push_tags(repository, "v1", "v2", "v3")
    set_rules(place=repository.namespace, rules=[Rule(AGE, 1)], now=NOW)
    rules(repository, Rule(NUMBER, 2))

    assert rules_of(repository).place == "acme/web"
    assert kept_by_run(repository) == {"v2", "v3"}


def test_the_configuration_s_rule_holds_where_there_is_no_other(
    repository: Repository, settings: Settings
) -> None:
    push_tags(repository, "v1", "v2", "v3")
    settings.DEFAULT_NAMESPACE_AUTOPRUNE_POLICY = {"method": "number_of_tags", "value": 1}

    assert kept_by_preview(repository) == {"v3"}
    set_rules(place=repository.namespace, rules=[Rule(NUMBER, 2)], now=NOW)
    assert kept_by_run(repository) == {"v2", "v3"}


def test_rules_are_kept_in_their_order_and_replaced_as_a_whole(repository: Repository) -> None:
    first = (Rule(KEEP, 3, regex("^v"), False), Rule(AGE, 60), Rule(PULL, 3600, glob("v*")))

    rules(repository, *first)
    assert rules_of(repository).rules == first

    set_rules(place=repository, rules=first[::-1], now=NOW, by=Actor("alice"))
    assert rules_of(repository).rules == first[::-1]
    assert RetentionRule.objects.count() == 3
    event = AuditEvent.objects.filter(action="retention.rules").latest("pk")
    assert (event.actor, event.target) == ("alice", "acme/web")
    assert "remove all tags older than 1m; keep the newest 3 of all but" in event.detail


def test_without_rules_nothing_happens(repository: Repository) -> None:
    push_tags(repository, "v1", "v2")

    assert kept_by_run(repository) == {"v1", "v2"}
    assert {decision.reason for decision in preview(repository=repository, now=LATER)} == {
        "no rule removes it"
    }


def test_nothing_is_removed_where_retention_is_switched_off(
    repository: Repository, settings: Settings
) -> None:
    push_tags(repository, "v1", "v2")
    rules(repository, Rule(NUMBER, 1))
    settings.FEATURE_AUTO_PRUNE = False

    with pytest.raises(RetentionOff, match="FEATURE_AUTO_PRUNE"):
        run(repository=repository, now=LATER)

    assert alive(repository) == {"v1", "v2"}


# --- Tags and manifests ---------------------------------------------------------------------------


def test_a_run_deletes_no_manifest(repository: Repository) -> None:
    push_tags(repository, "v1", "v2")
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == set()
    assert Manifest.objects.present().count() == 2


def test_a_manifest_with_another_tag_goes_on_by_its_digest(repository: Repository) -> None:
    hold(repository, b"{}")
    body = some_image()
    push(repository, body, "v1", tags=("stable",))
    rules(repository, Rule(KEEP, 0, glob("stable")), Rule(AGE, 1))

    assert kept_by_run(repository) == {"stable"}
    by_digest = Reference(digest=Digest.of(body))
    assert resolve_manifest(
        repository=repository, reference=by_digest, with_body=False, now=LATER
    ).id


def test_a_companion_without_its_subject_is_nobody_s_business(repository: Repository) -> None:
    signature = companion(some_image(404))
    push_tags(repository, signature, "v1", "v2")
    rules(repository, Rule(NUMBER, 1), Rule(AGE, 1))

    assert kept_by_run(repository) == {signature, "v2"}


def test_the_reason_names_a_removed_companion_s_subject(repository: Repository) -> None:
    hold(repository, b"{}")
    body = some_image()
    push(repository, body)
    sign(repository, body)
    rules(repository, Rule(AGE, 1))

    said = {decision.tag.name: decision for decision in preview(repository=repository, now=LATER)}

    decision = said[companion(body)]
    assert (decision.is_kept, decision.rule) == (False, None)
    assert decision.reason == f"it goes with its subject {Digest.of(body)}"


def test_time_of_day_does_not_matter_to_the_order(repository: Repository) -> None:
    hold(repository, b"{}")
    for number, part in enumerate((0, 999_999, 500_000)):
        moment = NOW + timedelta(microseconds=part)
        push(repository, some_image(number), f"v{number}", now=moment)
    rules(repository, Rule(NUMBER, 2))

    assert kept_by_run(repository) == {"v1", "v2"}

"""Make rules, say what they would remove, and remove it.

A run decides with what it saw when it began. Each tag is locked and looked at again before it
goes: one that was moved, deleted or pulled meanwhile is another matter, for the next run. Tags
go into the time machine; manifests are left to garbage collection.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from accounts.users.models import Namespace
from artifacts.oci.companions import beginning_of
from registry.events.kinds import EventType
from registry.events.outbox import note
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, place_of_rule
from registry.retention.departures import begin_with, departing
from registry.retention.facts import Numbered, facts_of, newest_first, page_of, pages
from registry.retention.models import RetentionRule, RetentionRun
from registry.retention.rules import Decision, Plan, Rule, TagFacts
from registry.retention.selection import rules_of
from registry.rows.connections import rest
from registry.tags.models import EndReason, Tag, TagQuerySet
from registry.tags.services import end_tag

MAX_RULES = 50  # of one place: each is asked about each tag


class RetentionOff(AccountError):
    """The configuration wants no retention."""


class TooManyRules(AccountError):
    """More than ``MAX_RULES``."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many tags a run removed: by a rule, and with the subject that they belonged to."""

    tags: int = 0
    companions: int = 0


def set_rules(
    *, place: Namespace | Repository, rules: Sequence[Rule], now: datetime, by: Actor = SYSTEM
) -> None:
    """Replace the rules of an organization, a user or a repository; none are as if never made.

    Raises ``TooManyRules``.
    """
    if len(rules) > MAX_RULES:
        raise TooManyRules(f"{place} can have at most {MAX_RULES} retention rules")
    owner = place_of_rule(place)
    with transaction.atomic():
        list(type(place)._default_manager.select_for_update().filter(pk=place.pk))
        RetentionRule.objects.filter(**owner).delete()
        RetentionRule.objects.bulk_create(
            RetentionRule(
                **owner,
                position=position,
                kind=rule.kind,
                value=rule.value,
                pattern=rule.pattern.text if rule.pattern else "",
                **({"syntax": rule.pattern.syntax} if rule.pattern else {}),
                pattern_matches=rule.pattern_matches,
                created_at=now,
            )
            for position, rule in enumerate(rules, 1)
        )
        by.did("retention.rules", str(place), now=now, rules="; ".join(map(str, rules)))


def add_rule(
    *, place: Namespace | Repository, rule: Rule, now: datetime, by: Actor = SYSTEM
) -> RetentionRule:
    """Ask one more rule, after all others. Raises ``TooManyRules``."""
    owner = place_of_rule(place)
    with transaction.atomic():
        list(type(place)._default_manager.select_for_update().filter(pk=place.pk))
        positions = RetentionRule.objects.filter(**owner).values_list("position", flat=True)
        if len(positions) >= MAX_RULES:
            raise TooManyRules(f"{place} can have at most {MAX_RULES} retention rules")
        made = RetentionRule(**owner, position=max(positions, default=0) + 1, created_at=now)
        _write(made, rule)
        by.did("retention.rule.add", str(place), now=now, rule=str(rule))
    return made


def change_rule(*, row: RetentionRule, rule: Rule, now: datetime, by: Actor = SYSTEM) -> None:
    """Put ``rule`` in the place of the one that ``row`` is."""
    with transaction.atomic():
        _write(row, rule)
        by.did(
            "retention.rule.change", str(row.repository or row.namespace), now=now, rule=str(rule)
        )


def remove_rule(*, row: RetentionRule, now: datetime, by: Actor = SYSTEM) -> None:
    with transaction.atomic():
        place = str(row.repository or row.namespace)
        by.did("retention.rule.remove", place, now=now, rule=str(row.rule))
        row.delete()


def _write(row: RetentionRule, rule: Rule) -> None:
    row.kind, row.value = rule.kind, rule.value
    row.pattern = rule.pattern.text if rule.pattern else ""
    if rule.pattern:
        row.syntax = rule.pattern.syntax
    row.pattern_matches = rule.pattern_matches
    row.save()


def preview(*, repository: Repository, now: datetime) -> Iterator[Decision]:
    """Every tag in the order of the names, with what a run at ``now`` does with it."""
    plan = _plan(repository, now)
    for page in pages(repository, now):
        yield from _decisions(repository, page, plan)


def preview_page(
    *,
    repository: Repository,
    rules: Sequence[Rule],
    after: str = "",
    size: int,
    counted: int,
    now: datetime,
) -> Sequence[Decision]:
    """What ``rules`` would do at ``now`` with at most ``size`` tags that follow ``after``.

    Args:
        counted: how many of the newest tags are looked at to count for the rules that keep
            a number of them. Decisions that need more are ``is_open``.
    """
    plan = Plan.of(rules, newest_first(repository, now, limit=counted), now)
    page = page_of(repository, now, after=after, size=size)
    return list(_decisions(repository, page, plan))


def request_run(*, place: Namespace | Repository, now: datetime, by: Actor = SYSTEM) -> None:
    """Let the next sweep apply the rules, however short ago the last run was.

    For a namespace that is in the repositories which have no rules of their own.
    Raises ``RetentionOff``.
    """
    _refuse_when_off()
    runs = RetentionRun.objects.filter(repository=place.pk)
    if isinstance(place, Namespace):
        theirs = Repository.objects.filter(namespace=place, retention_rules=None)
        runs = RetentionRun.objects.filter(repository__in=theirs)
    with transaction.atomic():
        runs.delete()
        by.did("retention.run.request", str(place), now=now)


def run(*, repository: Repository, now: datetime, by: Actor = SYSTEM) -> Outcome:
    """Remove what the rules say, then what belonged to manifests that went with it.

    Nothing of a repository that is read-only, even if it only became so after it was read.

    Raises ``RetentionOff``.
    """
    _refuse_when_off()
    plan = _plan(repository, now)
    if not plan.rules or repository.is_read_only:
        return Outcome()
    tags = sum(_remove_tags(page, plan) for page in pages(repository, now))
    companions = sum(_remove_companions(repository, page, plan) for page in pages(repository, now))
    if tags or companions:
        with transaction.atomic():
            by.did("retention.run", repository.path, now=now, tags=tags, companions=companions)
            removed = tags + companions
            kind = EventType.RETENTION_FINISHED
            note(kind, repository=repository, now=now, by=by, removed=removed)
    return Outcome(tags, companions)


def _plan(repository: Repository, now: datetime) -> Plan:
    return Plan.of(rules_of(repository).rules, newest_first(repository, now), now)


def _decisions(repository: Repository, page: Sequence[Numbered], plan: Plan) -> Iterator[Decision]:
    if repository.is_read_only:
        yield from (Decision(tag, True, "the repository is read-only") for _, tag in page)
        return
    subjects = {tag.subject for _, tag in page if tag.subject}
    going = departing(repository=repository, subjects=subjects, plan=plan)
    for _, tag in page:
        yield _fate(tag, going) if tag.subject else plan.decide(tag)


def _refuse_when_off() -> None:
    if not settings.BERTH.FEATURE_AUTO_PRUNE:
        raise RetentionOff("retention is switched off (FEATURE_AUTO_PRUNE)")


def _fate(tag: TagFacts, going: frozenset[str]) -> Decision:
    """What becomes of a companion."""
    if tag.is_immutable:
        return Decision(tag, True, "it is immutable")
    if tag.subject in going:
        return Decision(tag, False, f"it goes with its subject {tag.subject}")
    return Decision(tag, True, f"it stays with its subject {tag.subject}")


def _remove_tags(page: Sequence[Numbered], plan: Plan) -> int:
    ids = [pk for pk, tag in page if not tag.subject and not plan.decide(tag).is_kept]
    if not ids:
        return 0
    begun = time.monotonic()
    with transaction.atomic():
        removed = [tag for tag in _locked(ids, plan.now) if not plan.decide(facts_of(tag)).is_kept]
        for tag in removed:
            end_tag(tag=tag, reason=EndReason.RETENTION, now=plan.now)
    rest(begun)
    return len(removed)


def _remove_companions(repository: Repository, page: Sequence[Numbered], plan: Plan) -> int:
    companions = {pk: tag.subject for pk, tag in page if tag.subject and not tag.is_immutable}
    going = departing(repository=repository, subjects=set(companions.values()), plan=plan)
    ids = [pk for pk, subject in companions.items() if subject in going]
    if not ids:
        return 0
    begun = time.monotonic()
    with transaction.atomic():
        # The manifests before the tags, as a push locks them: none of these is tagged meanwhile.
        subjects = _locked_subjects(repository, going)
        going = departing(repository=repository, subjects=subjects, plan=plan)
        tags = [(tag, facts_of(tag)) for tag in _locked(ids, plan.now)]
        removed = [tag for tag, facts in tags if not _fate(facts, going).is_kept]
        for tag in removed:
            end_tag(tag=tag, reason=EndReason.SUBJECT, now=plan.now)
    rest(begun)
    return len(removed)


def _locked(ids: Sequence[int], now: datetime) -> TagQuerySet:
    """Tags that are alive and that nobody else has locked. Who has, changes them: not for us."""
    alive = Tag.objects.alive(at=now).filter(repository__read_only_since=None)
    tags = alive.filter(pk__in=ids).order_by("name")
    locked = tags.select_for_update(of=("self",), skip_locked=True)
    return locked.select_related("manifest").defer("manifest__body")


def _locked_subjects(repository: Repository, beginnings: frozenset[str]) -> set[str]:
    subjects = Manifest.objects.filter(begin_with(beginnings), repository=repository.id)
    locked = subjects.select_for_update(skip_locked=True).order_by("pk")
    return {beginning_of(digest) for digest in locked.values_list("digest", flat=True)}

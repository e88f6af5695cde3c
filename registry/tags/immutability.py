"""Rules that make tags immutable from the push that makes them on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from accounts.statements import Prepared
from accounts.users.models import Namespace
from artifacts.oci.patterns import PatternInvalid, Syntax, TagPattern
from registry.repositories.models import Repository, place_of_rule
from registry.tags.models import ImmutabilityRule, Tag

MAX_RULES = 50  # of one place: each is asked about each new tag
_RULES = Prepared(
    lambda repository, namespace: ImmutabilityRule.objects.of(
        Repository(id=repository, namespace_id=namespace)
    ).values_list("pattern", "syntax", "is_inverted")
)


class ImmutabilityRuleRefused(AccountError):
    """The pattern cannot be used, or there are too many rules."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which of the first tags a pattern chooses; ``has_more`` when there are tags after those."""

    tags: Sequence[Tag]
    looked_at: int
    has_more: bool


def add_immutability_rule(
    *,
    place: Namespace | Repository,
    pattern: str,
    syntax: str,
    is_inverted: bool,
    now: datetime,
    by: Actor = SYSTEM,
) -> ImmutabilityRule:
    """Make tags immutable from now on; those that are there stay as they are.

    Raises ``ImmutabilityRuleRefused``.
    """
    parse_pattern(pattern, syntax)
    owner = place_of_rule(place)
    with transaction.atomic():
        list(type(place)._default_manager.select_for_update().filter(pk=place.pk))
        if ImmutabilityRule.objects.filter(**owner).count() >= MAX_RULES:
            raise ImmutabilityRuleRefused(
                f"{place} has {MAX_RULES} rules for immutable tags, which is the most there can be"
            )
        rule = ImmutabilityRule.objects.create(
            **owner, pattern=pattern, syntax=syntax, is_inverted=is_inverted, created_at=now
        )
        by.did("immutability.rule.add", str(place), now=now, rule=rule.sentence)
    return rule


def change_immutability_rule(
    *,
    rule: ImmutabilityRule,
    pattern: str,
    syntax: str,
    is_inverted: bool,
    now: datetime,
    by: Actor = SYSTEM,
) -> None:
    """Let the rule choose other tags from now on; those that it has made immutable stay so.

    Raises ``ImmutabilityRuleRefused``.
    """
    parse_pattern(pattern, syntax)
    rule.pattern, rule.syntax, rule.is_inverted = pattern, syntax, is_inverted
    with transaction.atomic():
        rule.save(update_fields=["pattern", "syntax", "is_inverted"])
        place = str(rule.repository or rule.namespace)
        by.did("immutability.rule.change", place, now=now, rule=rule.sentence)


def remove_immutability_rule(*, rule: ImmutabilityRule, now: datetime, by: Actor = SYSTEM) -> None:
    """Tags that the rule has made immutable stay so."""
    with transaction.atomic():
        place = str(rule.repository or rule.namespace)
        by.did("immutability.rule.remove", place, now=now, rule=rule.sentence)
        rule.delete()


def born_immutable(repository: Repository, names: Collection[str]) -> set[str]:
    """Those of ``names`` that are immutable from the moment on at which they come to point at
    something."""
    if not settings.BERTH.FEATURE_IMMUTABLE_TAGS:
        return set()
    rules = [
        ImmutabilityRule(pattern=pattern, syntax=syntax, is_inverted=bool(is_inverted))
        for pattern, syntax, is_inverted in _RULES.rows(repository.id, repository.namespace_id)
    ]
    return {name for name in names if any(rule.covers(name) for rule in rules)}


def chosen_tags(
    *,
    place: Namespace | Repository,
    pattern: TagPattern,
    is_inverted: bool,
    looked_at: int,
    now: datetime,
) -> Chosen:
    """Which tags of now a rule would choose, of the first ``looked_at`` by repository and name."""
    alive = Tag.objects.alive(at=now)
    if isinstance(place, Repository):
        rows = alive.filter(repository=place).order_by("name")
    else:
        theirs = Repository.objects.filter(namespace=place).values("pk")
        rows = alive.filter(repository__in=theirs).order_by("repository", "name")
    candidates = list(
        rows.select_related("repository").only("name", "is_immutable", "repository__path")[
            : looked_at + 1
        ]
    )
    tags = [tag for tag in candidates[:looked_at] if pattern.matches(tag.name) != is_inverted]
    return Chosen(tags, min(len(candidates), looked_at), len(candidates) > looked_at)


def parse_pattern(pattern: str, syntax: str) -> TagPattern:
    """Raises ``ImmutabilityRuleRefused``."""
    try:
        return TagPattern(pattern, Syntax(syntax))
    except PatternInvalid as error:
        raise ImmutabilityRuleRefused(str(error)) from error
    except ValueError:
        raise ImmutabilityRuleRefused(f"{syntax[:20]!a} is none of {', '.join(Syntax)}") from None

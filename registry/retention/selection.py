"""Which rules hold in a repository."""

from dataclasses import dataclass

from django.conf import settings

from accounts.users.models import Namespace
from registry.repositories.models import Repository, place_of_rule
from registry.retention.models import RetentionRule
from registry.retention.rules import Rule, rule_of_policy


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules in their order, and who made them: a path, a namespace or a key of the file."""

    rules: tuple[Rule, ...] = ()
    place: str = ""


def rules_of(repository: Repository) -> RuleSet:
    """The repository's own rules; else its organization's; else the configuration's.

    Reads the namespace: select ``namespace`` with the repository.
    """
    if rules := own_rules(repository):
        return RuleSet(rules, repository.path)
    return namespace_rules(repository.namespace)


def namespace_rules(namespace: Namespace) -> RuleSet:
    """What holds in those repositories of a namespace that have no rules of their own."""
    if rules := own_rules(namespace):
        return RuleSet(rules, namespace.name)
    return configured_rules()


def own_rules(place: Namespace | Repository) -> tuple[Rule, ...]:
    rows = RetentionRule.objects.filter(**place_of_rule(place)).in_order()
    return tuple(row.rule for row in rows)


def configured_rules() -> RuleSet:
    if policy := settings.BERTH.DEFAULT_NAMESPACE_AUTOPRUNE_POLICY:
        return RuleSet((rule_of_policy(policy),), "DEFAULT_NAMESPACE_AUTOPRUNE_POLICY")
    return RuleSet()

"""Which rules hold in a repository."""

from dataclasses import dataclass

from django.conf import settings

from registry.repositories.models import Repository
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
    for place, rows in (
        (repository.path, RetentionRule.objects.filter(repository=repository.id)),
        (
            repository.namespace.name,
            RetentionRule.objects.filter(namespace=repository.namespace_id),
        ),
    ):
        if rules := tuple(row.rule for row in rows.in_order()):
            return RuleSet(rules, place)
    if policy := settings.DEFAULT_NAMESPACE_AUTOPRUNE_POLICY:
        return RuleSet((rule_of_policy(policy),), "DEFAULT_NAMESPACE_AUTOPRUNE_POLICY")
    return RuleSet()

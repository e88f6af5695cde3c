"""Rules about which tags stay, and when they were last applied."""

from typing import TYPE_CHECKING, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from accounts.users.models import Namespace
from artifacts.oci.patterns import MAX_PATTERN_LENGTH, SYNTAXES, Syntax, TagPattern
from registry.repositories.models import NOT_ONE_PLACE, ONE_PLACE, Repository
from registry.retention.rules import Rule, RuleKind


class RetentionRuleQuerySet(models.QuerySet["RetentionRule"]):
    def in_order(self) -> Self:
        return self.order_by("position", "pk")


RetentionRuleManager = models.Manager.from_queryset(RetentionRuleQuerySet)


class RetentionRule(models.Model):
    """One of the ordered rules of a namespace or of a repository; see ``rules.py``.

    Of two with the same position the older one comes first.
    """

    namespace = models.ForeignKey(
        Namespace,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="retention_rules",
        verbose_name="organization or user",
        help_text="The rule holds in all its repositories that have no rules of their own.",
    )
    repository = models.ForeignKey(
        Repository,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="retention_rules",
        help_text="The rules of a repository replace those of its organization.",
    )
    position = models.PositiveSmallIntegerField(
        default=1, help_text="Rules are asked in this order; the first that decides counts."
    )
    kind = models.CharField(
        max_length=20,
        choices=[
            (RuleKind.KEEP.value, "keep all of them, or the newest of them"),
            (RuleKind.NUMBER_OF_TAGS.value, "keep the newest of them, remove the others"),
            (RuleKind.CREATION_DATE.value, "remove those that are older"),
            (RuleKind.LAST_PULL.value, "remove those that nobody pulled for so long"),
        ],
    )
    value = models.PositiveBigIntegerField(default=0, help_text="a number of tags or of seconds")
    pattern = models.CharField(
        max_length=MAX_PATTERN_LENGTH, blank=True, help_text="Empty: the rule is for all tags."
    )
    syntax = models.CharField(
        max_length=5,
        choices=SYNTAXES,
        default=Syntax.GLOB.value,
    )
    pattern_matches = models.BooleanField(
        default=True, help_text="Off: the rule is for all tags but those of the pattern."
    )
    created_at = models.DateTimeField()

    objects = RetentionRuleManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=ONE_PLACE,
                name="a_retention_rule_has_one_place",
                violation_error_message=NOT_ONE_PLACE,
            ),
            models.CheckConstraint(
                condition=Q(value__gt=0) | Q(kind=RuleKind.KEEP.value),
                name="a_retention_rule_that_removes_has_a_value",
            ),
            models.CheckConstraint(
                condition=Q(pattern_matches=True) | ~Q(pattern=""),
                name="a_retention_rule_excepts_a_pattern",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository or self.namespace}: {self.kind} {self.value} {self.pattern}"

    def clean(self) -> None:
        try:
            _ = self.rule
        except ValueError as error:
            raise ValidationError(str(error)) from error

    @property
    def rule(self) -> Rule:
        pattern = TagPattern(self.pattern, Syntax(self.syntax)) if self.pattern else None
        return Rule(RuleKind(self.kind), self.value, pattern, self.pattern_matches)


class RetentionRun(models.Model):
    """When the rules that hold in a repository were last applied: no two runs within a while."""

    repository = models.OneToOneField(
        Repository, models.CASCADE, primary_key=True, related_name="retention_run"
    )
    last_run_at = models.DateTimeField()

    if TYPE_CHECKING:
        repository_id: int

    def __str__(self) -> str:
        return f"{self.repository_id} at {self.last_run_at}"

"""Rules that make tags immutable: listed, tried on the tags of now, added and removed."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from artifacts.oci.patterns import MAX_PATTERN_LENGTH, Syntax
from registry.tags.immutability import (
    ImmutabilityRuleRefused,
    add_immutability_rule,
    chosen_tags,
    parse_pattern,
    remove_immutability_rule,
)
from registry.tags.models import ImmutabilityRule
from ui.forms import PageForm
from ui.pages import reason_of
from ui.rules.places import NamespaceTagRules, RepositoryRules, RulePage
from ui.rules.rule_forms import SYNTAXES

LOOKED_AT = 1000  # tags
NAMED = 20


class PatternForm(PageForm):
    refusable = "pattern"

    pattern = forms.CharField(max_length=MAX_PATTERN_LENGTH, help_text="Such as v* or ^v[0-9].")
    syntax = forms.ChoiceField(choices=[(s.value, t) for s, t in SYNTAXES.items()])
    is_inverted = forms.BooleanField(label="All tags but those of the pattern", required=False)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not self.errors:
            try:
                data["compiled"] = parse_pattern(data["pattern"], data["syntax"])
            except ImmutabilityRuleRefused as error:
                self.add_error("pattern", reason_of(error))
        return data


class ImmutabilityPage(RulePage):
    """The rules; with a pattern in the address also which tags it would choose."""

    template = "ui/rules/immutability.html"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        if "pattern" not in request.GET:
            return self.answer(PatternForm(initial={"syntax": Syntax.GLOB.value}))
        form = self.filled(PatternForm(request.GET))
        selection = chosen_tags(
            place=self.place,
            pattern=form.cleaned_data["compiled"],
            is_inverted=form.cleaned_data["is_inverted"],
            looked_at=LOOKED_AT,
            now=self.now,
        )
        return self.answer(form, chosen=selection, named=selection.tags[:NAMED])

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        form = self.filled(PatternForm(request.POST))
        rule = add_immutability_rule(
            place=self.place,
            pattern=form.cleaned_data["pattern"],
            syntax=form.cleaned_data["syntax"],
            is_inverted=form.cleaned_data["is_inverted"],
            now=self.now,
            by=self.by,
        )
        return self.changed(
            f"Tags pushed from now on are immutable: {rule.sentence}.", "immutability"
        )

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        return self.render(
            form=form,
            rules=self.own(),
            inherited=self.inherited(),
            is_on=settings.BERTH.FEATURE_IMMUTABLE_TAGS,
            **options,
        )

    def own(self) -> Sequence[ImmutabilityRule]:
        raise NotImplementedError

    def inherited(self) -> Sequence[ImmutabilityRule]:
        return ()


class RuleRemoval(RulePage):
    """What it means to remove a rule; then its removal."""

    template = "ui/rules/immutability_remove.html"

    def get(self, request: HttpRequest, rule: int, **kwargs: str) -> HttpResponse:
        return self.render(rule=self._rule(rule), crumb="Remove a rule")

    def post(self, request: HttpRequest, rule: int, **kwargs: str) -> HttpResponse:
        row = self._rule(rule)
        sentence = row.sentence
        remove_immutability_rule(rule=row, now=self.now, by=self.by)
        return self.changed(f"The rule was removed: {sentence}.", "immutability")

    def _rule(self, key: int) -> ImmutabilityRule:
        for rule in self.own():
            if rule.pk == key:
                return rule
        raise Http404

    def own(self) -> Sequence[ImmutabilityRule]:
        raise NotImplementedError


class NamespaceImmutabilityPlace(NamespaceTagRules):
    section = "immutability"

    def own(self) -> Sequence[ImmutabilityRule]:
        rules = ImmutabilityRule.objects.filter(namespace=self.namespace)
        return list(rules.select_related("namespace", "repository").order_by("pk"))


class RepositoryImmutabilityPlace(RepositoryRules):
    section = "repository_immutability"

    def own(self) -> Sequence[ImmutabilityRule]:
        rules = ImmutabilityRule.objects.filter(repository=self.repository)
        return list(rules.select_related("namespace", "repository").order_by("pk"))

    def inherited(self) -> Sequence[ImmutabilityRule]:
        rules = ImmutabilityRule.objects.filter(namespace=self.repository.namespace_id)
        return list(rules.order_by("pk"))


class NamespaceImmutability(NamespaceImmutabilityPlace, ImmutabilityPage):
    pass


class NamespaceRuleRemoval(NamespaceImmutabilityPlace, RuleRemoval):
    pass


class RepositoryImmutability(RepositoryImmutabilityPlace, ImmutabilityPage):
    pass


class RepositoryRuleRemoval(RepositoryImmutabilityPlace, RuleRemoval):
    pass

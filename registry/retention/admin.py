"""Retention rules in the administration."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from accounts.users.administration import AuditedAdmin
from registry.retention.models import RetentionRule
from registry.retention.rules import RuleInvalid, parse_value


class RetentionRuleForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    value = forms.CharField(
        max_length=20,
        required=False,
        help_text="How many tags, such as 10, or how long, such as 30d. Empty, for a rule that"
        " keeps: all of them.",
    )

    class Meta:
        model = RetentionRule
        fields = [
            "namespace",
            "repository",
            "position",
            "kind",
            "value",
            "pattern",
            "syntax",
            "pattern_matches",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["value"] = self.instance.rule.shown_value

    def clean_value(self) -> int:
        try:
            return parse_value(self.cleaned_data.get("kind", ""), self.cleaned_data["value"])
        except RuleInvalid as error:
            raise forms.ValidationError(str(error)) from error


@admin.register(RetentionRule)
class RetentionRuleAdmin(AuditedAdmin):
    form = RetentionRuleForm
    list_display = ["place", "position", "sentence"]
    list_display_links = ["sentence"]
    list_select_related = ["namespace", "repository"]
    search_fields = ["pattern", "namespace__name", "repository__path"]
    autocomplete_fields = ["repository"]
    ordering = [
        F("namespace__name").asc(nulls_first=True),
        F("repository__path").asc(nulls_first=True),
        "position",
        "pk",
    ]

    @admin.display(description="organization or repository")
    def place(self, rule: RetentionRule) -> str:
        return str(rule.repository or rule.namespace)

    @admin.display(description="rule")
    def sentence(self, rule: RetentionRule) -> str:
        return str(rule.rule)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)

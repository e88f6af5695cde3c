"""Rules for immutable tags in the administration."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from accounts.users.administration import AuditedAdmin
from registry.tags.models import ImmutabilityRule


@admin.register(ImmutabilityRule)
class ImmutabilityRuleAdmin(AuditedAdmin):
    list_display = ["pattern", "syntax", "is_inverted", "namespace", "repository"]
    list_select_related = ["namespace", "repository"]
    search_fields = ["pattern", "namespace__name", "repository__path"]
    fields = ["namespace", "repository", "pattern", "syntax", "is_inverted"]
    autocomplete_fields = ["repository"]
    ordering = ["pk"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)

"""The audit trail in the administration: to read and to search."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.audit.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not subscriptable when it runs
    list_display = ["at", "actor", "action", "target", "address"]
    search_fields = ["actor", "action", "target", "address"]
    search_help_text = "Who, what, on what or from where."
    list_filter = ["at"]
    ordering = ["-at", "-pk"]
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

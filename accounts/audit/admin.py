"""The audit trail in the administration: to read and to search."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.audit.models import AuditEvent


class KindFilter(admin.SimpleListFilter):
    """What administrators look for after an incident. Each asks for a stretch of the index."""

    title = "what"
    parameter_name = "kind"
    kinds: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "refusals": ("refused access", ("access.refuse", "manifest.refuse")),
        "failures": ("failed sign-ins", ("user.sign-in.fail", "user.second-factor.fail")),
        "logins": ("sign-ins and logins", ("user.sign-in", "user.login", "robot.login")),
        "factors": (
            "second factors",
            (
                "user.second-factor.add",
                "user.second-factor.remove",
                "user.second-factor.reset",
                "user.second-factor.fail",
            ),
        ),
        "blobs": ("blobs deleted or mounted", ("blob.delete", "blob.mount")),
        "exports": ("exported logs", ("log.export",)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, title) for name, (title, _) in self.kinds.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent]
    ) -> QuerySet[AuditEvent]:
        kind = self.kinds.get(self.value() or "")
        return queryset.filter(action__in=kind[1]) if kind else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not subscriptable when it runs
    list_display = ["at", "actor", "action", "target", "address"]
    search_fields = ["actor", "action", "target", "address"]
    search_help_text = "Who, what, on what or from where."
    list_filter = [KindFilter, "at"]
    ordering = ["-at", "-pk"]
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

"""The queue in Django admin: what waits, and what was given up."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.users.administration import AuditedAdmin
from registry.queue.models import Message


@admin.register(Message)
class MessageAdmin(AuditedAdmin):
    list_display = ("id", "queue", "attempts", "is_parked", "created_at")
    list_filter = ("queue", "is_parked")
    readonly_fields = ("queue", "body", "leased_until", "attempts", "created_at")
    ordering = ("pk",)
    actions = ("try_again",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="Try again")
    def try_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        for message in queryset.filter(is_parked=True):
            self.note(request, "try-again", message)
        queryset.filter(is_parked=True).update(is_parked=False, leased_until=0, attempts=0)

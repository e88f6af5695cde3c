"""Announcements in the administration."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.users.administration import AuditedAdmin
from registry.announcements.current import refresh_announcements
from registry.announcements.models import Announcement


@admin.register(Announcement)
class AnnouncementAdmin(AuditedAdmin):
    list_display = ["__str__", "severity", "starts_at", "ends_at", "created_at"]
    list_filter = ["severity"]
    search_fields = ["text"]
    ordering = ["-created_at", "pk"]
    fields = ["text", "severity", "starts_at", "ends_at"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)
        transaction.on_commit(_refresh)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(_refresh)


def _refresh() -> None:
    refresh_announcements(now=timezone.now())

"""The Django app of the room ``accounts.audit``."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "accounts.audit"
    label = "audit"

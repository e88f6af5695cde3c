"""The Django app of the room ``accounts.organizations``."""

from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "accounts.organizations"
    label = "organizations"

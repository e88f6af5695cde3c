"""The Django app of the room ``accounts.credentials``."""

from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    name = "accounts.credentials"
    label = "credentials"

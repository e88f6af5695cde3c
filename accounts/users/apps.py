"""The Django app of the room ``accounts.users``."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "accounts.users"
    label = "users"

"""The Django app of the room ``accounts.mail``."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "accounts.mail"
    label = "mail"

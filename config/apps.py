"""The Django app that carries Berth's own management commands."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    label = "berth"  # "config" has the tables of changed settings
    verbose_name = "Berth"

    def ready(self) -> None:
        # Whoever publishes a task must know the broker: web workers and commands, too.
        import config.celery  # noqa: F401

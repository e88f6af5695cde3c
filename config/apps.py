"""The Django app that carries Berth's own management commands."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Configuration"

    def ready(self) -> None:
        # Whoever publishes a task must know the broker: web workers and commands, too.
        import config.celery  # noqa: F401

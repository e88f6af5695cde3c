"""``manage.py migrate``: Django's, one at a time for each database."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate

from config.serving.preparation import StartRefused, alone


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with alone():
                super().handle(*args, **options)
        except StartRefused as error:
            raise CommandError(str(error)) from error

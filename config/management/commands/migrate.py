"""``manage.py migrate``: Django's, one at a time for each database, and as patient as need be."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connection

from config.serving.preparation import StartRefused, alone


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with alone(), _patience():
                super().handle(*args, **options)
        except StartRefused as error:
            raise CommandError(str(error)) from error


@contextmanager
def _patience() -> Iterator[None]:
    """A migration waits for a table that is in use; a request that waits so long is given up."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")

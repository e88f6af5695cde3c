"""Which manifests are being looked into, and which could not be, how often."""

from datetime import datetime
from typing import Self

from django.db import models


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def waiting(self, at: datetime) -> Self:
        """Those that nobody should try again yet."""
        return self.filter(due_at__gt=at)


AttemptManager = models.Manager.from_queryset(AttemptQuerySet)


class Attempt(models.Model):
    """A manifest that somebody began to look into; the row goes when it is done.

    Who is killed meanwhile leaves it behind, so that it is tried again, and not for ever. No
    foreign key: a manifest that is collected need not wait for it.
    """

    manifest_id = models.BigIntegerField(primary_key=True)
    count = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="not to be tried again before")

    objects = AttemptManager()

    def __str__(self) -> str:
        return f"{self.count} attempts at manifest {self.manifest_id}"

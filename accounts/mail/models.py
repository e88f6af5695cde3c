"""Mail that waits to be sent."""

from datetime import datetime
from typing import Self

from django.db import models


class OutgoingMailQuerySet(models.QuerySet["OutgoingMail"]):
    def due(self, at: datetime) -> Self:
        """What is to be tried, the longest waiting first."""
        return self.filter(due_at__lte=at).order_by("due_at", "pk")


OutgoingMailManager = models.Manager.from_queryset(OutgoingMailQuerySet)


class OutgoingMail(models.Model):
    """One mail to one address. The row goes when the mail is sent, or given up."""

    recipient = models.CharField(
        max_length=320, blank=True, help_text="empty: nobody, and then nothing is sent"
    )
    subject = models.CharField(max_length=998)
    body = models.TextField()
    created_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0, help_text="those that were begun")
    due_at = models.DateTimeField(db_index=True, help_text="when it is tried, or tried again")

    objects = OutgoingMailManager()

    def __str__(self) -> str:
        return f"mail {self.pk}"

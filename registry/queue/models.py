"""Messages that wait for a worker, are leased to one, or were given up."""

from typing import Self

from django.db import models


class MessageQuerySet(models.QuerySet["Message"]):
    def waiting(self, queue: str, *, at: float) -> Self:
        """Messages that nobody holds at ``at``, oldest first."""
        return self.filter(queue=queue, is_parked=False, leased_until__lte=at).order_by("pk")


class Message(models.Model):
    """One message. It is deleted when it is acknowledged, and not before."""

    queue = models.CharField(max_length=100)
    body = models.TextField()
    leased_until = models.FloatField(default=0)  # seconds since the epoch; 0: nobody holds it
    attempts = models.PositiveIntegerField(default=0)
    is_parked = models.BooleanField(default=False)  # tried too often; a person must look at it
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(
                fields=["queue", "is_parked", "leased_until", "id"], name="waiting_messages"
            ),
        )

    def __str__(self) -> str:
        return f"{self.queue} {self.pk}"

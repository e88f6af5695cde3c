"""Which of several processes does a sweep now, so that they do not all do the same."""

from django.db import models


class Lease(models.Model):
    """Held until a moment, or until it is given back. Nothing depends on it but spared work."""

    name = models.CharField(max_length=50, primary_key=True)
    held_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} until {self.held_until}"

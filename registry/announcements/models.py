"""Messages for everybody who looks at the pages, for a while or until they are deleted."""

from datetime import datetime
from typing import Final, Self

from django.db import models
from django.db.models import F, Q

MARKDOWN: Final = "text/markdown"


class Severity(models.TextChoices):
    INFO = "info", "information"
    WARNING = "warning", "warning"
    ERROR = "error", "something is wrong"


class AnnouncementQuerySet(models.QuerySet["Announcement"]):
    def not_over(self, at: datetime) -> Self:
        """Those that are shown at ``at``, or will be later."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at))

    def shown(self, at: datetime) -> Self:
        return self.not_over(at).filter(Q(starts_at=None) | Q(starts_at__lte=at))


AnnouncementManager = models.Manager.from_queryset(AnnouncementQuerySet)


class Announcement(models.Model):
    """Shown in the interval ``[starts_at, ends_at)``; empty ends are open."""

    text = models.TextField(
        max_length=2000, help_text="Markdown: links, bold text, lists. Everybody can read it."
    )
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.INFO)
    starts_at = models.DateTimeField(
        "from", null=True, blank=True, help_text="UTC. Empty: from now on."
    )
    ends_at = models.DateTimeField(
        "until", null=True, blank=True, help_text="UTC. Empty: until it is deleted."
    )
    media_type = models.CharField(
        max_length=20,
        default=MARKDOWN,
        db_default=MARKDOWN,
        editable=False,
        help_text="As the program said that made it, which finds it again by that.",
    )
    created_at = models.DateTimeField(editable=False)

    objects = AnnouncementManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="an_announcement_ends_after_it_starts",
                violation_error_message="It must end after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return self.text[:80]

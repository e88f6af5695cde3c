"""Tags: names that point at a manifest for a stretch of time."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q

from artifacts.oci.names import MAX_TAG_LENGTH
from registry.repositories.fields import AsciiField
from registry.repositories.models import Repository


class TagQuerySet(models.QuerySet["Tag"]):
    def live(self) -> Self:
        """Tags nobody has moved or deleted; some may have expired."""
        return self.filter(ended_at=None)

    def alive(self, at: datetime) -> Self:
        """Tags a client can see at ``at``. An expired tag is gone at once, swept or not."""
        return self.live().filter(Q(expires_at=None) | Q(expires_at__gt=at))

    def page(self, *, after: str, size: int) -> Self:
        """The next ``size`` tags in the order of their bytes, for ``?n=&last=`` (end-8b)."""
        return self.filter(name__gt=after).order_by("name")[:size]


TagManager = models.Manager.from_queryset(TagQuerySet)


class Tag(models.Model):
    """The interval ``[started_at, ended_at)`` in which a name pointed at a manifest.

    Moving a tag ends one row and starts another: the rows are the history.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="tags")
    name = AsciiField(max_length=MAX_TAG_LENGTH)
    manifest = models.ForeignKey("manifests.Manifest", models.CASCADE, related_name="tags")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)

    objects = TagManager()

    if TYPE_CHECKING:
        id: int
        repository_id: int
        manifest_id: int

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "name"],
                condition=Q(ended_at=None),
                name="one_live_tag_per_name",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")),
                name="a_tag_does_not_end_before_it_starts",
            ),
        ]
        indexes = [
            models.Index(fields=["repository", "name", "-started_at"], name="tag_history"),
        ]

    def __str__(self) -> str:
        return f"{self.repository}:{self.name}"

    def is_alive(self, at: datetime) -> bool:
        """As ``TagQuerySet.alive``, for a row that is live."""
        return self.expires_at is None or self.expires_at > at

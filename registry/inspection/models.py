"""Which manifests are being looked into, and which could not be, how often; the files of layers."""

from datetime import datetime
from typing import Final, Self

from django.db import models

from artifacts.oci import digest

MAX_PROBLEM_LENGTH: Final = 200


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


class ListingQuerySet(models.QuerySet["Listing"]):
    def waiting(self) -> Self:
        """Those of layers that nobody has listed yet."""
        return self.filter(listed_at=None)

    def underway(self, at: datetime) -> Self:
        return self.waiting().filter(is_underway=True, due_at__gt=at)

    def without_content(self) -> Self:
        return self.defer("content")


ListingManager = models.Manager.from_queryset(ListingQuerySet)


class Listing(models.Model):
    """The files of a layer that takes too long to be listed while somebody waits.

    A row is what a page asked for, and, once there is ``listed_at``, what came of it. It can be
    made again at any time. No foreign key: who collects blobs need not know of listings, and a
    digest stands for the same files for ever.
    """

    digest = models.CharField(max_length=digest.MAX_LENGTH, primary_key=True)
    asked_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="not to be tried again before")
    is_underway = models.BooleanField(default=False)
    listed_at = models.DateTimeField(null=True, blank=True)
    count = models.PositiveIntegerField(default=0, help_text="files; without any, see the problem")
    problem = models.CharField(
        max_length=MAX_PROBLEM_LENGTH, blank=True, help_text="why not all files are listed"
    )
    content = models.BinaryField(default=b"", help_text="the files, packed")

    objects = ListingManager()

    class Meta:
        indexes = [
            models.Index(
                fields=["asked_at"],
                condition=models.Q(listed_at=None),
                name="listings_that_wait",
            ),
        ]

    def __str__(self) -> str:
        return f"files of {self.digest}"

    @property
    def has_files(self) -> bool:
        return self.count > 0

    @property
    def is_given_up(self) -> bool:
        return self.listed_at is not None and not self.has_files

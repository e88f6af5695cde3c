"""Rows of days: pulls and pushes as they were counted, and storage as it was surveyed."""

from django.db import models
from django.db.models import Q

from accounts.origin import MAX_HOST_LENGTH
from accounts.users.models import Namespace
from artifacts.oci.digest import MAX_LENGTH as MAX_DIGEST_LENGTH
from registry.repositories.models import Repository
from registry.rows.fields import AsciiField


class DailyTraffic(models.Model):
    """Pulls and pushes on one day (UTC), of a repository or of one reference in it.

    ``reference`` is a tag, a digest, or empty for the repository as a whole: no tag has a colon
    and every digest has one. Rows are written late and by many processes, after the repository
    may have gone, so the database does not hold them to it.
    """

    repository = models.ForeignKey(
        Repository, models.CASCADE, related_name="traffic", db_constraint=False, db_index=False
    )
    reference = AsciiField(max_length=MAX_DIGEST_LENGTH, blank=True)
    day = models.DateField()
    pulls = models.PositiveBigIntegerField(default=0)
    pushes = models.PositiveBigIntegerField(default=0)
    last_pulled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "daily traffic"
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "reference", "day"],
                name="one_row_of_traffic_per_reference_and_day",
            ),
        ]
        indexes = [
            models.Index(fields=["day"], name="traffic_by_day"),
            # Those of references are nearly all the others.
            models.Index(
                fields=["day"], condition=Q(reference=""), name="traffic_of_repositories_by_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.reference} on {self.day}"


class RepositoryStorage(models.Model):
    """Bytes of the blobs that a repository held on one day."""

    repository = models.ForeignKey(
        Repository, models.CASCADE, related_name="storage", db_constraint=False, db_index=False
    )
    day = models.DateField(db_index=True)
    size = models.PositiveBigIntegerField(help_text="bytes")

    class Meta:
        verbose_name_plural = "repository storage"
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "day"], name="one_row_of_storage_per_repository_and_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository_id} on {self.day}"


class NamespaceStorage(models.Model):
    """Bytes of the blobs of a namespace on one day; what its repositories share counts once."""

    namespace = models.ForeignKey(
        Namespace, models.CASCADE, related_name="storage", db_constraint=False, db_index=False
    )
    day = models.DateField(db_index=True)
    size = models.PositiveBigIntegerField(help_text="bytes")

    class Meta:
        verbose_name_plural = "namespace storage"
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "day"], name="one_row_of_storage_per_namespace_and_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.namespace_id} on {self.day}"


class Survey(models.Model):
    """How far the survey of a day's storage is, and until when somebody is at it."""

    day = models.DateField(primary_key=True)
    held_until = models.DateTimeField()
    last_repository = models.BigIntegerField(default=0)
    last_namespace = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.day)


class JobRun(models.Model):
    """How a background job went the last time, and when it last failed. One row for each job."""

    task = models.CharField(max_length=100, primary_key=True)
    started_at = models.DateTimeField()
    seconds = models.FloatField(default=0)
    runs = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveBigIntegerField(default=0)
    has_failed = models.BooleanField(default=False, help_text="the last time")
    last_error = models.CharField(max_length=1000, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.task


class CollectionReport(models.Model):
    """What the last run of a collection freed that freed something, and its problems."""

    task = models.CharField(max_length=100, primary_key=True)
    at = models.DateTimeField()
    freed_bytes = models.PositiveBigIntegerField(default=0)
    lines = models.TextField(blank=True, help_text="what was freed, one kind on each line")
    problems = models.TextField(blank=True, help_text="one on each line")

    def __str__(self) -> str:
        return f"{self.task} at {self.at}"


class LoggedError(models.Model):
    """A kind of error in the log, when it last came, and how often."""

    fingerprint = models.CharField(max_length=64, primary_key=True)
    logger = models.CharField(max_length=200)
    message = models.CharField(max_length=1000, help_text="of the last one")
    place = models.CharField(max_length=300, blank=True, help_text="the line of code")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    count = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.logger}: {self.message}"


RIGHT_CLOCK_SECONDS = 5.0  # that it may differ from the database's; a minute refuses tokens


class ServerProcess(models.Model):
    """A process of Berth that said, some seconds ago, that it is alive."""

    name = models.CharField(max_length=255, primary_key=True, help_text="host and process id")
    kind = models.CharField(max_length=10, help_text="web, jobs or beat")
    version = models.CharField(max_length=50)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    uploads = models.PositiveIntegerField(default=0, help_text="that it took at that moment")
    ignored_proxy = models.CharField(
        max_length=50, default="", help_text="address whose forwarded headers it ignored"
    )
    refused_host = models.CharField(
        max_length=MAX_HOST_LENGTH, default="", help_text="name that it does not answer as"
    )
    clock_ahead_seconds = models.FloatField(
        default=0.0, db_default=0.0, help_text="how far its clock is ahead of the database's"
    )

    class Meta:
        verbose_name_plural = "server processes"

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def has_wrong_clock(self) -> bool:
        return abs(self.clock_ahead_seconds) > RIGHT_CLOCK_SECONDS

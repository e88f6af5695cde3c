"""Blobs, the repositories that hold them, and the upload sessions they arrive through."""

import uuid
from typing import TYPE_CHECKING, Any, Self

from django.db import models

from artifacts.oci import digest
from registry.repositories.models import Repository
from registry.rows.fields import AsciiField

if TYPE_CHECKING:
    from registry.manifests.models import ManifestBlob


class Blob(models.Model):
    """One row per digest in the whole registry, born when the bytes proved to have it."""

    digest = models.CharField(max_length=digest.MAX_LENGTH, primary_key=True)
    size = models.PositiveBigIntegerField(help_text="bytes")
    storage_key = AsciiField(max_length=100, unique=True)
    created_at = models.DateTimeField()
    missing_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="when a read found no bytes; the blob counts as absent until it is pushed again",
    )

    def __str__(self) -> str:
        return self.digest


class BlobLink(models.Model):
    """A repository holds a blob. The bytes are shared; the right to them is not."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="blob_links")
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="links")
    last_pushed_at = models.DateTimeField(help_text="the lease that garbage collection respects")

    if TYPE_CHECKING:
        id: int
        blob_id: str
        manifests: models.Manager[ManifestBlob]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "blob"], name="one_link_per_blob_and_repository"
            ),
        ]
        indexes = [models.Index(fields=["last_pushed_at"], name="blob_link_leases")]

    def __str__(self) -> str:
        return f"{self.repository}@{self.blob_id}"


class UploadSession(models.Model):
    """A blob on its way in. Looked up by id, repository and owner, never by id alone.

    Its row is born with its first bytes (``registry.blobs.sessions``).
    ``digest_so_far`` is the digest of the first ``offset`` bytes, so that closing
    the session need not read them again. It is empty when ``offset`` is zero.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    repository = models.ForeignKey(Repository, models.CASCADE, related_name="uploads")
    owner = models.CharField(max_length=40, help_text="the pusher's key, e.g. user:7")
    algorithm = models.CharField(max_length=10, default=digest.DEFAULT_ALGORITHM)
    offset = models.PositiveBigIntegerField(default=0, help_text="bytes received so far")
    digest_so_far = models.CharField(max_length=digest.MAX_LENGTH, blank=True)
    started_at = models.DateTimeField()
    active_at = models.DateTimeField(db_index=True)
    is_closed = models.BooleanField(
        db_default=False, help_text="ended; the row tells its id from that of a session without one"
    )

    if TYPE_CHECKING:
        repository_id: int

    def __str__(self) -> str:
        return str(self.id)

    @classmethod
    def opened(cls, **columns: Any) -> Self:
        """A session whose row exists."""
        session = cls(**columns)
        session._state.adding = False
        return session

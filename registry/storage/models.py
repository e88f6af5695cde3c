"""Uploads on their way into S3, which has neither locks nor files that grow."""

from typing import Any

from django.db import models


class S3Upload(models.Model):
    """Who writes an upload, and where its bytes are.

    They lie in up to three stretches, one behind the other: ``base``, an object that
    was made of the first parts so that they can be read again; ``parts`` of an open
    multipart upload, which nobody can read; and a tail, too short for a part.
    ``tails`` holds the tail that the writer found and the newest one it left: which of
    them counts is decided by the offset at which the next writer goes on.

    A row whose ``finished_at`` is set only tells when ``key`` became whole.
    """

    upload = models.UUIDField(primary_key=True, help_text="the upload session's id")
    writer = models.UUIDField(help_text="who may write: the last to take the upload over")
    key = models.CharField(max_length=100, blank=True)
    multipart_id = models.TextField(blank=True, help_text="empty while no multipart upload is open")
    next_part = models.PositiveIntegerField(default=1, help_text="part numbers are not used twice")
    parts: "models.JSONField[list[Any], list[Any]]" = models.JSONField(
        default=list, help_text="[[number, entity tag, bytes], ...]"
    )
    base: "models.JSONField[dict[str, Any] | None, dict[str, Any] | None]" = models.JSONField(
        null=True, help_text='{"key", "size", "multipart_id", "parts"}'
    )
    tails: "models.JSONField[list[Any], list[Any]]" = models.JSONField(
        default=list, help_text="[[first byte, bytes, key], ...]"
    )
    active_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return str(self.upload)


class S3Multipart(models.Model):
    """A key at which a multipart upload is about to be opened, or was.

    Written down before S3 is asked, so that whatever becomes of it is found again: some servers
    list what is open only to who names the key.
    """

    key = models.CharField(max_length=100, primary_key=True)
    begun_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key

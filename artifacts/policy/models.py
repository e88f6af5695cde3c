"""Artifact policies: which types of artifact may be stored."""

from django.db import models


class ArtifactPolicy(models.Model):
    """A named rule. It points at nobody: organizations and repositories select one."""

    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name_plural = "artifact policies"

    def __str__(self) -> str:
        return self.name

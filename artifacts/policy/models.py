"""Artifact policies: which types of artifact may be stored."""

import json
from typing import TYPE_CHECKING

from django.db import models

from artifacts.policy.presets import PRESETS, Content, Preset
from artifacts.policy.rules import Policy

if TYPE_CHECKING:
    from accounts.users.models import Namespace
    from registry.repositories.models import Repository


class ArtifactPolicy(models.Model):
    """A named rule. It points at nobody: organizations and repositories select one.

    A row with a ``preset`` stands for a policy that Berth ships: what that allows is in
    the code, so it cannot be changed here.
    """

    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=255, blank=True)
    preset = models.CharField(
        max_length=20,
        choices=[(preset, preset) for preset in Preset],
        blank=True,
        editable=False,
    )
    allows_anything = models.BooleanField(
        "anything", default=False, help_text="Every well-formed type. The rest does not count then."
    )
    allows_images = models.BooleanField(
        "container images",
        default=False,
        help_text="Docker's and OCI's, with all types of layers that they have, zstd included.",
    )
    types_json = models.TextField(
        default="{}", help_text="config or artifact types, each with its layer types, as JSON"
    )

    if TYPE_CHECKING:
        namespaces: models.Manager[Namespace]
        repositories: models.Manager[Repository]

    class Meta:
        verbose_name_plural = "artifact policies"

    def __str__(self) -> str:
        return self.name

    def content(self) -> Content:
        if self.preset:
            return PRESETS[Preset(self.preset)]
        return Content(json.loads(self.types_json), self.allows_images, self.allows_anything)

    def as_policy(self, source: str) -> Policy:
        """The rule as somebody selected it; ``source`` says who."""
        content = self.content()
        return Policy(
            self.name, source, content.pairs, content.allows_images, content.allows_anything
        )

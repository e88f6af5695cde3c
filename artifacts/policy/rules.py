"""What a policy says of one manifest, judged by its types alone.

The types are judged per pair: a layer type is allowed with a config type, not by itself.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from artifacts.kinds.kinds import (
    DOCKER_CONFIG,
    EMPTY_CONFIG,
    HELM_CONFIG,
    IMAGE_CONFIGS,
    IMAGE_LAYERS,
)
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import INDEXES

Pairs = Mapping[str, Collection[str]]  # config or artifact type -> layer types

# Two names of one thing: what documentation and old versions of a tool say, and what it pushes.
SPELLINGS: Mapping[str, frozenset[str]] = {
    HELM_CONFIG: frozenset(
        {"application/tar+gzip", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"}
    ),
    "application/vnd.sylabs.sif.config.v1+json": frozenset(
        {
            "application/vnd.sylabs.sif.layer.v1.sif",
            "application/vnd.sylabs.sif.layer.v1+tar",
        }
    ),
}

_EMPTY_BYTES = len(b"{}")
_MAX_LISTED = 16


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule and where it was chosen.

    ``source`` continues a sentence: "the policy 'builtin', ``source``".
    """

    name: str
    source: str
    pairs: Pairs = field(default_factory=dict)
    allows_images: bool = False
    allows_anything: bool = False

    def __str__(self) -> str:
        return f"{self.name}, {self.source}; it allows {self.types()}"

    def decide(self, document: ManifestDocument) -> "Verdict":
        """Whether the manifest may be stored.

        An index and a subject say nothing: the manifests they name are judged themselves.
        """
        if self.allows_anything or document.media_type in INDEXES:
            return Verdict(self)
        judged = judged_type(document)
        allowed = self._layers_with(judged)
        if allowed is None:
            return Verdict(self, blocked=judged)
        for layer in document.layers:
            if layer.media_type not in allowed and not _is_empty(layer):
                return Verdict(self, blocked=layer.media_type, beside=judged)
        return Verdict(self)

    def types(self) -> str:
        """What may be stored, in words."""
        if self.allows_anything:
            return "anything"
        others = (key for key in self.pairs if not (self.allows_images and key in IMAGE_CONFIGS))
        return _listed("container images", self.allows_images, others)

    def layers(self, judged: str) -> str:
        """The layers that may go with a config or artifact type, in words."""
        has_images = self.allows_images and judged in IMAGE_CONFIGS
        return _listed("the layers of container images", has_images, self.pairs.get(judged, ()))

    def _layers_with(self, judged: str) -> Collection[str] | None:
        """``None`` when the type itself is not allowed."""
        has_images = self.allows_images and judged in IMAGE_CONFIGS
        if judged not in self.pairs:
            return IMAGE_LAYERS if has_images else None
        allowed = set(self.pairs[judged])
        spellings = SPELLINGS.get(judged, frozenset())
        if allowed & spellings:
            allowed |= spellings
        return allowed | IMAGE_LAYERS if has_images else allowed


@dataclass(frozen=True, slots=True)
class Verdict:
    """A policy's answer: the type it blocks, and for a layer the type it stands beside."""

    policy: Policy
    blocked: str = ""
    beside: str = ""

    @property
    def is_allowed(self) -> bool:
        return not self.blocked

    @property
    def reason(self) -> str:
        """Why not, for the person who pushed: what, by whom, where to change it, what else."""
        policy = f"is blocked by the artifact policy '{self.policy.name}', {self.policy.source}"
        if self.beside:
            return (
                f"layer type {self.blocked} with the type {self.beside} {policy};"
                f" with it the policy allows {self.policy.layers(self.beside)}"
            )
        return f"artifact type {self.blocked} {policy}; the policy allows {self.policy.types()}"


def judged_type(document: ManifestDocument) -> str:
    """The config's type, or the artifact's where the config is empty.

    Docker's first manifests have no config, and are always of images.

    Source: image-spec v1.1, "Guidelines for Artifact Usage".
    """
    if document.config_media_type == EMPTY_CONFIG:
        return document.artifact_type
    return document.config_media_type or DOCKER_CONFIG


def _is_empty(layer: Descriptor) -> bool:
    """What an artifact without content has for a layer."""
    return layer.media_type == EMPTY_CONFIG and layer.size == _EMPTY_BYTES


def _listed(first: str, has_first: bool, types: Iterable[str]) -> str:
    words = [*([first] if has_first else []), *types]
    if not words:
        return "nothing"
    more = len(words) - _MAX_LISTED
    return ", ".join(words[:_MAX_LISTED]) + (f" and {more} more" if more > 0 else "")

"""How each kind of content is called and pictured."""

from collections.abc import Mapping
from dataclasses import dataclass

from artifacts.kinds.kinds import Kind
from registry.repositories.models import RepositoryQuerySet


@dataclass(frozen=True, slots=True)
class Look:
    name: str
    icon: str  # of Lucide's
    style: str = ""  # the ending of the class b-kind-…


_LOOKS: Mapping[str, Look] = {
    Kind.IMAGE: Look("Container image", "layers", "image"),
    Kind.INDEX: Look("Image index", "layers-2", "image"),
    Kind.HELM_CHART: Look("Helm chart", "ship-wheel"),
    Kind.SIGNATURE: Look("Signature", "badge-check", "proof"),
    Kind.ATTESTATION: Look("Attestation", "scroll-text", "proof"),
    Kind.SBOM: Look("SBOM", "list-tree", "proof"),
    Kind.WASM: Look("WebAssembly module", "cpu", "artifact"),
    Kind.SIF: Look("Singularity image", "box", "artifact"),
    Kind.POLICY_BUNDLE: Look("Policy bundle", "shield-check", "proof"),
    Kind.MODEL: Look("AI model", "brain-circuit", "artifact"),
    Kind.BUILD_CACHE: Look("Build cache", "hammer", "artifact"),
    Kind.ARTIFACT: Look("Artifact", "package", "artifact"),
}
IMAGES = (Kind.IMAGE, Kind.INDEX)
NOTHING_YET = Look("Empty", "package-open", "unknown")


def look_of(kind: str) -> Look:
    """How ``kind`` is shown; an empty repository has no kind."""
    return _LOOKS.get(kind, NOTHING_YET)


def of_group(repositories: RepositoryQuerySet, group: str) -> RepositoryQuerySet:
    """Those of ``helm``, ``images`` or ``other``; for any other word all."""
    match group:
        case "helm":
            return repositories.filter(kind=Kind.HELM_CHART)
        case "images":
            return repositories.filter(kind__in=IMAGES)
        case "other":
            return repositories.exclude(kind__in=(Kind.HELM_CHART, *IMAGES))
    return repositories

"""The policies that Berth ships. They can be selected and copied, not changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from artifacts.kinds.kinds import HELM_CONFIG, OCI_CONFIG
from artifacts.policy.rules import Pairs

_SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
_DSSE = "application/vnd.dsse.envelope.v1+json"
_IN_TOTO = "application/vnd.in-toto+json"
_SBOMS = (
    "text/spdx",
    "text/spdx+xml",
    "text/spdx+json",
    "application/vnd.syft+json",
    "application/vnd.cyclonedx",
    "application/vnd.cyclonedx+xml",
    "application/vnd.cyclonedx+json",
)
_COSIGN = (_SIMPLE_SIGNING, _DSSE, *_SBOMS, _IN_TOTO)

HELM: Pairs = {
    HELM_CONFIG: (
        "application/tar+gzip",
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        "application/vnd.cncf.helm.chart.provenance.v1.prov",
    ),
}

# What Quay accepted when it was strict, and the provenance that `helm push` sends with a chart.
BUILTIN: Pairs = {
    OCI_CONFIG: _COSIGN,
    **HELM,
    "application/vnd.oci.source.image.config.v1+json": (
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
    "application/vnd.unknown.config.v1+json": (
        "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego",
        "application/vnd.cncf.openpolicyagent.data.layer.v1+json",
    ),
}

_BUNDLES = tuple(f"application/vnd.dev.sigstore.bundle.v0.{n}+json" for n in (1, 2, 3))
_NOTATION = ("application/jose+json", "application/cose")
# First what cosign attaches under tags, then what refers to its subject.
SIGNATURES_AND_SBOMS: Pairs = {
    OCI_CONFIG: _COSIGN,
    "application/vnd.dev.cosign.artifact.sig.v1+json": (_SIMPLE_SIGNING,),
    "application/vnd.dev.cosign.artifact.sbom.v1+json": _SBOMS,
    **{bundle: (bundle,) for bundle in _BUNDLES},
    "application/vnd.cncf.notary.signature": _NOTATION,
    "application/vnd.docker.attestation.manifest.v1+json": (_IN_TOTO,),
    **{kind: (kind,) for kind in (*_SBOMS, "application/spdx+json", _IN_TOTO)},
}


class Preset(StrEnum):
    ANYTHING = "anything"
    BUILTIN = "builtin"
    IMAGES = "images only"
    HELM = "Helm only"
    SIGNATURES = "signatures and SBOMs"


@dataclass(frozen=True, slots=True)
class Content:
    """What a policy allows."""

    pairs: Pairs = field(default_factory=dict)
    allows_images: bool = False
    allows_anything: bool = False


PRESETS: Mapping[Preset, Content] = {
    Preset.ANYTHING: Content(allows_anything=True),
    Preset.BUILTIN: Content(BUILTIN, allows_images=True),
    Preset.IMAGES: Content(allows_images=True),
    Preset.HELM: Content(HELM),
    Preset.SIGNATURES: Content(SIGNATURES_AND_SBOMS),
}

"""What artifacts are called whose kind has no page of its own.

Source: the media types that the tools of each register or use.
"""

import re

from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import essence

_NAMES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"application/vnd\.gadget\..+", "Inspektor Gadget"),
        (r"application/ebpf\.oci\.image\..+|binary/ebpf\.solo\.io\..+", "eBPF program"),
        (r"application/vnd\.cncf\.flux\..+", "Flux source"),
        (r"application/vnd\.timoni\..+", "Timoni module"),
        (r"application/vnd\.cncf\.falco\..+", "Falco rules or plugin"),
        (r"application/vnd\.cncf\.kyverno\..+", "Kyverno policies"),
        (r"application/vnd\.cncf\.artifacthub\..+", "Artifact Hub metadata"),
        (r"application/vnd\.aquasec\.trivy\..+", "Trivy database or module"),
        (r"application/vnd\.docker\.compose\..+", "Compose application"),
        (r"application/vnd\.docker\.plugin\..+", "Docker plugin"),
        (r"application/vnd\.devcontainers(?:\..+)?", "Dev container feature or template"),
        (r"application/vnd\.cnab\..+", "CNAB bundle"),
        (r"application/vnd\.opentofu\..+", "OpenTofu module or provider"),
        (r"application/vnd\.amazon\.soci\..+", "SOCI index"),
        (r"application/vnd\.(?:ocm\.software|gardener\.cloud)\..+", "OCM component"),
        (r"application/vnd\.wasmcloud\..+", "wasmCloud provider"),
        (r"application/vnd\.fermyon\.spin\..+", "Spin application"),
        (r"application/vnd\.(?:dev\.)?tekton\..+", "Tekton bundle"),
        (r"application/vnd\.argoproj\..+", "Argo resources"),
        (r"application/vnd\.homebrew\..+", "Homebrew bottle"),
        (r"application/sarif\+json", "SARIF report"),
        (r"application/(?:vnd\.)?openvex\+json", "OpenVEX document"),
    )
)


def name_of(document: ManifestDocument) -> str:
    """What people call it; empty when its types are not known."""
    types = (document.artifact_type, document.config_media_type)
    for told in (*types, *(layer.media_type for layer in document.layers)):
        for pattern, name in _NAMES:
            if pattern.fullmatch(essence(told)):
                return name
    return ""

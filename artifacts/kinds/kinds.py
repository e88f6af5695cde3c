"""What a manifest is, told from its types alone: an image, a chart, a signature, …

Source: the media types that the tools of each kind register or use; image-spec v1.1,
"Guidelines for Artifact Usage".
"""

import re
from enum import StrEnum

from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import (
    IMAGE_MANIFESTS,
    INDEXES,
    NONDISTRIBUTABLE_LAYERS,
    essence,
)


class Kind(StrEnum):
    IMAGE = "image"
    INDEX = "index"
    HELM_CHART = "helm chart"
    SIGNATURE = "signature"
    ATTESTATION = "attestation"
    SBOM = "SBOM"
    WASM = "WebAssembly module"
    SIF = "Singularity image"
    POLICY_BUNDLE = "policy bundle"
    MODEL = "model"
    BUILD_CACHE = "build cache"
    ARTIFACT = "artifact"


PROOFS = frozenset({Kind.SIGNATURE, Kind.ATTESTATION, Kind.SBOM})  # they speak about something else

_COMPRESSED = ("", "+gzip", "+zstd")
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
IMAGE_CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})
# The types of both are mixed in practice: an OCI manifest may have Docker's layers.
IMAGE_LAYERS = frozenset(
    {
        *(f"application/vnd.oci.image.layer.v1.tar{suffix}" for suffix in _COMPRESSED),
        *(f"application/vnd.oci.image.layer.v1.tar{suffix}+encrypted" for suffix in _COMPRESSED),
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        *NONDISTRIBUTABLE_LAYERS,
    }
)
_LIKE_IMAGE_LAYER = re.compile(
    r"application/vnd\.oci\.image\.layer\..+|application/vnd\.docker\.image\.rootfs\..+"
)
# Some tools repeat as the artifact type what makes an image of it.
_OF_IMAGES = IMAGE_CONFIGS | IMAGE_MANIFESTS
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"
SIGSTORE_BUNDLE = re.compile(r"application/vnd\.dev\.sigstore\.bundle(?:\.v\d[\w.]*)?\+json.*")
BUNDLE_CONTENT = "dev.sigstore.bundle.content"  # annotation: dsse-envelope or message-signature
BUNDLE_PREDICATE = "dev.sigstore.bundle.predicateType"
COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"  # cosign 3 wraps signatures as attestations

CACHE_CONFIG = re.compile(r"application/vnd\.buildkit\.cacheconfig\.v0")

# In this order: the type of the layers says more than the config, which cosign borrows from images.
_OF_LAYER = (
    (re.compile(r"application/vnd\.dev\.cosign\.simplesigning\.v1\+json"), Kind.SIGNATURE),
    (re.compile(r"application/vnd\.dsse\.envelope\.v1\+json"), Kind.ATTESTATION),
    (
        re.compile(r"application/vnd\.in-toto(?:\.bundle|(?:\.[\w.-]+)?\+(?:json|dsse))"),
        Kind.ATTESTATION,
    ),
    (re.compile(r"(?:text|application)/(?:vnd\.)?spdx(?:\+.+)?"), Kind.SBOM),
    (re.compile(r"(?:text|application)/(?:x\.)?(?:vnd\.)?cyclonedx(?:\+.+)?"), Kind.SBOM),
    (re.compile(r"application/(?:vnd\.)?syft(?:\+json)?"), Kind.SBOM),
    (re.compile(r"application/vnd\.sylabs\.sif\.layer\.v1(?:\.sif|\+tar)"), Kind.SIF),
    (re.compile(r"application/wasm|application/[\w.-]+\+wasm"), Kind.WASM),
    (re.compile(r"application/vnd\.(?:cncf\.)?openpolicyagent\..+"), Kind.POLICY_BUNDLE),
    (re.compile(r"application/vnd\.ollama\.image\..+"), Kind.MODEL),
    (re.compile(r"application/vnd\.docker\.ai\..+"), Kind.MODEL),
    (re.compile(r"application/vnd\.(?:cncf|cnai)\.model\..+"), Kind.MODEL),
    (re.compile(r"application/vnd\.kitops\.modelkit\..+"), Kind.MODEL),
    (re.compile(r"application/vnd\.caicloud\.model\..+"), Kind.MODEL),
    (re.compile(r"application/(?:x-|vnd\.)?(?:gguf|ggml|safetensors|onnx)(?:[.+].+)?"), Kind.MODEL),
)
_OF_ARTIFACT = (
    (re.compile(re.escape(HELM_CONFIG)), Kind.HELM_CHART),
    (re.compile(r"application/vnd\.dev\.cosign\.artifact\.sig\.v1\+json"), Kind.SIGNATURE),
    (re.compile(r"application/vnd\.cncf\.notary\.signature"), Kind.SIGNATURE),
    (re.compile(r"application/vnd\.dev\.cosign\.artifact\.sbom\.v1\+json"), Kind.SBOM),
    (re.compile(r"application/vnd\.(?:module\.)?wasm\.config\.v\d\+json"), Kind.WASM),
    (CACHE_CONFIG, Kind.BUILD_CACHE),
    (re.compile(r"application/vnd\.sylabs\.sif\.config\.v1\+json"), Kind.SIF),
    *_OF_LAYER,
)
# What people call artifacts whose kind has no page of its own.
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
        (r"application/vnd\.ms\.bicep\..+", "Bicep module"),
        (r"application/vnd\.(?:hashicorp\.)?terraform\..+", "Terraform module"),
        (r"application/vnd\.conda\..+", "Conda package"),
        (r"application/vnd\.cirruslabs\.tart\..+", "Tart virtual machine"),
        (r"application/sarif\+json", "SARIF report"),
        (r"application/(?:vnd\.)?openvex\+json", "OpenVEX document"),
    )
)


def kind_of(document: ManifestDocument) -> Kind:
    """The kind that the manifest's types name; ``ARTIFACT`` when they name none that is known."""
    if document.media_type in INDEXES:
        is_cache = any(CACHE_CONFIG.fullmatch(one.media_type) for one in document.manifests)
        return Kind.BUILD_CACHE if is_cache else Kind.INDEX
    if document.inline_config is not None:
        return Kind.IMAGE
    if SIGSTORE_BUNDLE.fullmatch(document.artifact_type):
        return _kind_of_bundle(document)
    return _kind_of_types(document)


def name_of(document: ManifestDocument) -> str:
    """What people call it; empty when its types are not known."""
    types = (document.artifact_type, document.config_media_type)
    for media_type in (*types, *(layer.media_type for layer in document.layers)):
        for pattern, name in _NAMES:
            if pattern.fullmatch(essence(media_type)):
                return name
    return ""


def _kind_of_types(document: ManifestDocument) -> Kind:
    for media_type in (document.artifact_type, document.config_media_type):
        for pattern, kind in _OF_ARTIFACT:
            if pattern.fullmatch(essence(media_type)):
                return kind
    for layer in document.layers:
        for pattern, kind in _OF_LAYER:
            if pattern.fullmatch(essence(layer.media_type)):
                return kind
    return Kind.IMAGE if _is_image(document) else Kind.ARTIFACT


def _is_image(document: ManifestDocument) -> bool:
    """Whether all its types are those of images: many tools borrow the config alone."""
    return (
        document.config_media_type in IMAGE_CONFIGS
        and document.declared_artifact_type in ("", *_OF_IMAGES)
        and all(_LIKE_IMAGE_LAYER.fullmatch(layer.media_type) for layer in document.layers)
    )


def _kind_of_bundle(document: ManifestDocument) -> Kind:
    if document.annotations.get(BUNDLE_PREDICATE) == COSIGN_SIGN:
        return Kind.SIGNATURE
    content = document.annotations.get(BUNDLE_CONTENT, "")
    return Kind.ATTESTATION if content == "dsse-envelope" else Kind.SIGNATURE

"""The media types a registry must know by name; all others it only stores."""

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

# Docker's first manifests. Whether one is signed shows in the body, and decides the type.
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
SCHEMA1_MANIFESTS = frozenset({SCHEMA1, SCHEMA1_SIGNED})
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

IMAGE_MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = IMAGE_MANIFESTS | INDEXES
ANY_MANIFESTS = MANIFESTS | SCHEMA1_MANIFESTS

# Layers that may stay where their ``urls`` point; the registry never fetches them.
NONDISTRIBUTABLE_LAYERS = frozenset(
    {
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    }
)


def essence(header: str) -> str:
    """A media type without its parameters, in lower case.

    Source: distribution-spec v1.1, "Pushing Manifests": parameters are ignored.
    """
    return header.partition(";")[0].strip().lower()

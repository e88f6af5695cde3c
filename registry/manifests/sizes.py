"""How many bytes a client gets who pulls everything that a manifest stands for."""

from collections.abc import Collection, Mapping

from accounts import statements
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestInvalid
from registry.manifests.models import LISTED_BYTES, Manifest

# An index has the bytes of what it lists, and of what that lists; what several of them share
# counts once. CROSS JOIN keeps SQLite to this order of tables: it would rather read one of them
# as a whole.
_SIZES = """
    WITH RECURSIVE part (whole, id, repository_id, digest, size) AS (
        SELECT id, id, repository_id, digest, size FROM manifests_manifest WHERE id IN ({places})
        UNION
        SELECT part.whole, child.id, child.repository_id, child.digest, child.size
        FROM part
        CROSS JOIN manifests_manifestchild edge
        CROSS JOIN manifests_manifest child
        WHERE edge.parent_id = part.id AND child.repository_id = part.repository_id
          AND child.digest = edge.child_digest AND child.deleted_at IS NULL
    ), content AS (
        SELECT whole, digest, size FROM part
        UNION
        SELECT part.whole, blob.digest, blob.size
        FROM part
        CROSS JOIN manifests_manifestblob need
        CROSS JOIN blobs_bloblink link
        CROSS JOIN blobs_blob blob
        WHERE need.manifest_id = part.id AND link.id = need.link_id AND blob.digest = link.blob_id
        UNION
        SELECT part.whole, blob.digest, blob.size
        FROM part
        CROSS JOIN manifests_manifestchild edge
        CROSS JOIN blobs_bloblink link
        CROSS JOIN blobs_blob blob
        WHERE edge.parent_id = part.id AND link.repository_id = part.repository_id
          AND link.blob_id = edge.child_digest AND blob.digest = link.blob_id
    )
    SELECT whole, SUM(size) FROM content GROUP BY whole
"""


def content_sizes(manifests: Collection[int]) -> Mapping[int, int]:
    """The bytes of each of these manifests (by id) with all that it needs, in one query."""
    if not manifests:
        return {}
    statement = _SIZES.format(places=statements.places(len(manifests)))
    return {pk: int(size) for pk, size in statements.rows(statement, [*manifests])}


def content_size(manifest: int) -> int:
    return content_sizes([manifest]).get(manifest, 0)


def layer_sizes(manifests: Collection[int]) -> Mapping[int, int]:
    """The bytes of the layers that each of these manifests (by id) lists, in one query.

    Manifests that are too large for lists are left out.
    """
    rows = Manifest.objects.filter(pk__in=manifests, size__lte=LISTED_BYTES)
    read = rows.values_list("pk", "media_type", "body").iterator(chunk_size=100)
    return {pk: _layer_bytes(bytes(body), media_type) for pk, media_type, body in read}


def _layer_bytes(body: bytes, media_type: str) -> int:
    try:
        layers = ManifestDocument.parse(body, media_type).layers
    except ManifestInvalid:  # stored under older, laxer rules
        return 0
    return sum(layer.size for layer in layers)

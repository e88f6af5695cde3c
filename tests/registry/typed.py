"""Manifests of any types, all of the same two blobs."""

import json
from typing import Any

from artifacts.oci.media_types import OCI_MANIFEST
from tests.registry.builders import descriptor

CONFIG, LAYER = b"{}", b"layer"


def manifest(config: str, *layers: str, media_type: str = OCI_MANIFEST, **changed: Any) -> bytes:
    """The bytes of a manifest with these types."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(CONFIG, config),
        "layers": [descriptor(LAYER, layer) for layer in layers],
        **changed,
    }
    return json.dumps(document).encode()

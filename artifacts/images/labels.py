"""The labels that an image's config carries.

Source: image-spec v1.1, config.md, ``config.Labels``; Docker's image specification has the
same field.
"""

from collections.abc import Mapping
from typing import Any

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import parse_object

MAX_CONFIG_BYTES = 4 * 1024 * 1024


def labels_of(config: bytes) -> Mapping[str, str]:
    """Labels with text as their value; none when the config is not what the spec says.

    A config with two readings, such as one with a key twice, has none.
    """
    if len(config) > MAX_CONFIG_BYTES:
        return {}
    try:
        document = parse_object(config)
    except ManifestInvalid:
        return {}
    return labels_in(document)


def labels_in(image: Mapping[str, Any]) -> Mapping[str, str]:
    """As ``labels_of``, of a config that has been read, or of an image in schema 1's history."""
    settings = image.get("config")
    labels = settings.get("Labels") if isinstance(settings, dict) else None
    if not isinstance(labels, dict):
        return {}
    return {key: value for key, value in labels.items() if isinstance(value, str) and key}

"""Content descriptors: the type, digest and size of something stored elsewhere.

Source: image-spec v1.1, descriptor.md; for platforms image-index.md, and config.md, which has the
same words.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid, ManifestInvalid

MAX_SIZE_BYTES = 2**63 - 1
UNKNOWN_SIZE = -1  # of a layer whose manifest tells no size

# RFC 6838 restricts the characters; old artifact types use a few more, and parameters.
_MEDIA_TYPE = re.compile(r"[\x21-\x7e]{1,127}/[\x20-\x7e]{1,127}", re.ASCII)
_FIELDS = frozenset(
    {"mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"}
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    media_type: str
    digest: Digest
    size: int
    where: str
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, Any] = field(default_factory=dict)


def parse_descriptor(value: Any, where: str) -> Descriptor:
    """Check one descriptor; ``where`` names it in messages, e.g. ``layers[3]``."""
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{where} must be an object")
    refuse_lookalikes(value, _FIELDS, where)
    descriptor = Descriptor(
        media_type=parse_media_type(value.get("mediaType"), f"{where}.mediaType"),
        digest=_digest(value.get("digest"), where),
        size=_size(value.get("size"), where),
        where=where,
        artifact_type=_optional_media_type(value, where),
        annotations=parse_annotations(value.get("annotations"), where),
        platform=_platform(value.get("platform"), where),
    )
    if "urls" in value:
        _check_urls(value["urls"], where)
    if value.get("data") is not None:
        _check_data(value["data"], descriptor)
    return descriptor


def parse_media_type(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        raise ManifestInvalid(f"{where} must be a media type such as application/json")
    return value


def parse_annotations(value: Any, where: str) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{where}.annotations must be an object")
    for key, text in value.items():
        if not isinstance(text, str):
            raise ManifestInvalid(f"{where}.annotations[{key[:100]!r}] must be a string")
    return value


def refuse_lookalikes(value: Mapping[str, Any], fields: frozenset[str], where: str) -> None:
    """Refuse ``Layers`` beside ``layers``: some parsers read both as one field.

    Go's is one. It folds as Unicode does, so that even the old long s is an s.
    """
    exact = {name.casefold(): name for name in fields}
    for key in value:
        spelling = exact.get(key.casefold(), key)
        if spelling != key:
            raise ManifestInvalid(f"{where} has the key {key!r}; the field is spelled {spelling!r}")


def _digest(value: Any, where: str) -> Digest:
    if not isinstance(value, str):
        raise ManifestInvalid(f"{where}.digest must be a string")
    try:
        return Digest.parse(value)
    except DigestInvalid as error:
        raise ManifestInvalid(f"{where}.digest: {error.reason}") from error


def _size(value: Any, where: str) -> int:
    # bool is an int in Python, not in JSON.
    if not isinstance(value, int) or isinstance(value, bool):
        raise ManifestInvalid(f"{where}.size must be a whole number of bytes")
    if not 0 <= value <= MAX_SIZE_BYTES:
        raise ManifestInvalid(f"{where}.size must be from 0 to {MAX_SIZE_BYTES}")
    return value


def _platform(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{where}.platform must be an object")
    return value


def _optional_media_type(value: Mapping[str, Any], where: str) -> str:
    if value.get("artifactType") in (None, ""):
        return ""
    return parse_media_type(value["artifactType"], f"{where}.artifactType")


def _check_urls(value: Any, where: str) -> None:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(url, str) for url in value):
        raise ManifestInvalid(f"{where}.urls must be a list of strings")


def _check_data(value: Any, descriptor: Descriptor) -> None:
    where = descriptor.where
    if not isinstance(value, str):
        raise ManifestInvalid(f"{where}.data must be a base64 string")
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ManifestInvalid(f"{where}.data is not base64") from error
    if len(content) != descriptor.size:
        raise ManifestInvalid(f"{where}.data has {len(content)} bytes, not {descriptor.size}")
    if Digest.of(content, descriptor.digest.algorithm) != descriptor.digest:
        raise ManifestInvalid(f"{where}.data does not have the digest {descriptor.digest}")


def platform_name(platform: Mapping[str, Any]) -> str:
    """``linux/arm64/v8``, ``windows/amd64 10.0.17763.5329 (win32k)``; empty where nothing is said.

    Builds of Windows run on a kernel of their own version alone, so it is part of the name.
    """
    words = (platform.get(key) for key in ("os", "architecture", "variant"))
    parts = ["/".join(word for word in words if isinstance(word, str) and word)]
    version = platform.get("os.version")
    if isinstance(version, str):
        parts.append(version)
    if features := ", ".join(_platform_features(platform)):
        parts.append(f"({features})")
    return " ".join(filter(None, parts))


def _platform_features(platform: Mapping[str, Any]) -> Iterator[str]:
    """``features`` are the processor's, in Docker's lists."""
    for key in ("os.features", "features"):
        value = platform.get(key)
        if isinstance(value, list):
            yield from (item for item in value[:10] if isinstance(item, str) and item)

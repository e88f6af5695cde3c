"""Manifests and indexes as the specs define them, parsed and checked.

Where Go has a list, a map or a pointer that holds nothing, it writes ``null``: that is an empty
list, no annotations, no platform. A ``null`` that it never writes, for a digest say, is refused.

Source: image-spec v1.1, manifest.md and image-index.md; Docker's image
manifest version 2, schema 2.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from artifacts.oci.descriptors import (
    Descriptor,
    parse_annotations,
    parse_descriptor,
    parse_media_type,
    refuse_lookalikes,
)
from artifacts.oci.digest import DEFAULT_ALGORITHM, Digest
from artifacts.oci.errors import ManifestInvalid, ManifestTypeUnsupported
from artifacts.oci.media_types import (
    IMAGE_MANIFESTS,
    INDEXES,
    MANIFESTS,
    NONDISTRIBUTABLE_LAYERS,
    essence,
)
from artifacts.oci.strict_json import parse_object

MAX_DESCRIPTORS = 20_000
_ANY_JSON = "application/json"  # what Docker called manifests before they had types

_FIELDS = frozenset(
    {
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "manifests",
        "subject",
        "annotations",
    }
)


class Place(NamedTuple):
    """Where a manifest says that it belongs. ``tag`` may be empty."""

    repository: str
    tag: str


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """What a manifest says.

    ``config`` is ``None`` for an index, and for a manifest of another schema. Such a one may be
    for one ``place`` only, have its digest from the ``payload`` in it, and hold its image's config
    itself, as ``inline_config``.
    """

    media_type: str
    declared_artifact_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]
    place: Place | None = None
    payload: bytes | None = None
    inline_config: Mapping[str, Any] | None = None

    @staticmethod
    def parse(body: bytes, content_type: str) -> "ManifestDocument":
        """Read a pushed manifest.

        Args:
            body: the exact bytes.
            content_type: the request's ``Content-Type``; empty when the client sent none,
                which leaves the type to the document's own ``mediaType``.

        Raises:
            ManifestTypeUnsupported: neither an OCI nor a Docker manifest or index, nor of a
                schema of ``OTHER_SCHEMAS``.
            ManifestInvalid: anything else that is wrong, with where.
        """
        header_type = essence(content_type)
        for schema in OTHER_SCHEMAS:
            if header_type in schema.media_types:
                return schema.read(body)
        if header_type and header_type not in MANIFESTS | {_ANY_JSON}:
            raise _unsupported(header_type)
        value = parse_object(body)
        if header_type in ("", _ANY_JSON) and "mediaType" not in value:
            for schema in OTHER_SCHEMAS:
                if schema.is_meant(value):
                    return schema.read(body)
        if header_type == _ANY_JSON:
            raise _unsupported(header_type)
        refuse_lookalikes(value, _FIELDS, "the manifest")
        media_type = _media_type(value, header_type)
        _check_schema_version(value)
        return ManifestDocument(
            media_type=media_type,
            declared_artifact_type=_artifact_type(value),
            config=_config(value, media_type),
            layers=_descriptors(value, "layers", required=media_type in IMAGE_MANIFESTS),
            manifests=_descriptors(value, "manifests", required=media_type in INDEXES),
            subject=_subject(value),
            annotations=parse_annotations(value.get("annotations"), "the manifest"),
        )

    def digest_of(self, body: bytes, algorithm: str = DEFAULT_ALGORITHM) -> Digest:
        """The manifest's digest, ``body`` being what was parsed: signatures do not count in it."""
        return Digest.of(body if self.payload is None else self.payload, algorithm)

    @property
    def artifact_type(self) -> str:
        """``artifactType``, or the config's type where that is absent ("Listing Referrers")."""
        if self.declared_artifact_type or self.config is None:
            return self.declared_artifact_type
        return self.config.media_type

    @property
    def config_media_type(self) -> str:
        return self.config.media_type if self.config else ""

    def blobs(self) -> Iterator[Descriptor]:
        """Every blob the document names, in its order."""
        if self.config:
            yield self.config
        yield from self.layers

    def named(self) -> Iterator[Descriptor]:
        """All that the document names, whether blob or manifest: it may be either, wherever
        it stands. BuildKit lists layers in an index."""
        yield from self.blobs()
        yield from self.manifests
        if self.subject:
            yield self.subject

    def required_blobs(self) -> Iterator[Descriptor]:
        """The blobs the repository must hold: all but layers that may live elsewhere."""
        return (blob for blob in self.blobs() if blob.media_type not in NONDISTRIBUTABLE_LAYERS)


class OtherSchema(NamedTuple):
    """Manifests of another make, and who reads them.

    ``is_meant`` tells one without a type from its JSON. ``read`` raises ``ManifestInvalid``.
    """

    media_types: frozenset[str]
    is_meant: Callable[[Mapping[str, Any]], bool]
    read: Callable[[bytes], ManifestDocument]


OTHER_SCHEMAS: list[OtherSchema] = []  # whoever can read one puts it in, when Berth starts


def _media_type(value: Mapping[str, Any], header_type: str) -> str:
    if "mediaType" not in value:
        if not header_type:
            raise ManifestInvalid("neither Content-Type nor mediaType says what this manifest is")
        return header_type
    declared = value["mediaType"]
    if not isinstance(declared, str):
        raise ManifestInvalid("mediaType must be a string")
    if header_type and declared != header_type:
        raise ManifestInvalid(
            f"mediaType is {declared[:150]!r}, but Content-Type is {header_type!r}"
        )
    if declared not in MANIFESTS:
        raise _unsupported(declared)
    return declared


def _unsupported(media_type: str) -> ManifestTypeUnsupported:
    return ManifestTypeUnsupported(f"manifests of type {media_type[:150]!r} are not supported")


def _check_schema_version(value: Mapping[str, Any]) -> None:
    version = value.get("schemaVersion")
    if isinstance(version, bool) or not isinstance(version, int) or version != 2:
        raise ManifestInvalid("schemaVersion must be 2")


def _artifact_type(value: Mapping[str, Any]) -> str:
    if value.get("artifactType") in (None, ""):
        return ""
    return parse_media_type(value["artifactType"], "artifactType")


def _config(value: Mapping[str, Any], media_type: str) -> Descriptor | None:
    if media_type in INDEXES:
        if value.get("config") is not None or value.get("layers") is not None:
            raise ManifestInvalid("an index has manifests, and neither config nor layers")
        return None
    if value.get("manifests") is not None:
        raise ManifestInvalid("an image manifest has config and layers, and no manifests")
    return parse_descriptor(value.get("config"), "config")


def _descriptors(value: Mapping[str, Any], name: str, *, required: bool) -> tuple[Descriptor, ...]:
    if not required:
        return ()
    is_null = name in value and value[name] is None
    items = [] if is_null else value.get(name)
    if not isinstance(items, list):
        raise ManifestInvalid(f"{name} must be a list of descriptors")
    if len(items) > MAX_DESCRIPTORS:
        raise ManifestInvalid(f"{name} has {len(items)} entries; at most {MAX_DESCRIPTORS}")
    return tuple(parse_descriptor(item, f"{name}[{i}]") for i, item in enumerate(items))


def _subject(value: Mapping[str, Any]) -> Descriptor | None:
    subject = value.get("subject")
    return None if subject is None else parse_descriptor(subject, "subject")

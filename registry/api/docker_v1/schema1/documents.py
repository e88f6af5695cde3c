"""Docker's image manifest version 2, schema 1: what clients pushed before 2016.

Layers and their history stand side by side, newest first. Each entry of the history is the
JSON of one image of Docker's first registry protocol, with an id and its parent's id.

Source: Docker's "Image Manifest Version 2, Schema 1".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from artifacts.oci.descriptors import UNKNOWN_SIZE, Descriptor, refuse_lookalikes
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument, OtherSchema, Place
from artifacts.oci.errors import DigestInvalid, ManifestInvalid
from artifacts.oci.media_types import DOCKER_LAYER, SCHEMA1, SCHEMA1_MANIFESTS, SCHEMA1_SIGNED
from artifacts.oci.names import is_name, is_tag
from artifacts.oci.strict_json import parse_object
from registry.api.docker_v1.schema1.jws import verified_payload

MAX_LAYERS = 1000
MAX_ID_LENGTH = 128

_FIELDS = frozenset(
    {
        "schemaVersion",
        "mediaType",
        "name",
        "tag",
        "architecture",
        "fsLayers",
        "history",
        "signatures",
    }
)
_OF_OTHER_SCHEMAS = ("config", "layers", "manifests", "subject")
_ID = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Schema1:
    """What a schema 1 manifest says.

    ``payload`` is what was signed, or the whole body where nothing was: its digest is the
    manifest's. ``layers`` and ``history`` have the same length, newest first.
    """

    name: str
    tag: str
    payload: bytes
    is_signed: bool
    layers: tuple[Digest, ...]
    history: tuple[Mapping[str, Any], ...]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a manifest, and verify its signatures if it has any.

        Raises ``ManifestInvalid``, with where.
        """
        value = parse_object(body)
        is_signed = value.get("signatures") is not None
        payload = verified_payload(body, value["signatures"]) if is_signed else body
        if is_signed:
            _check_signed_all(value, payload)
        return cls._of(value, payload, is_signed=is_signed)

    @classmethod
    def _of(cls, value: Mapping[str, Any], payload: bytes, *, is_signed: bool) -> Self:
        refuse_lookalikes(value, _FIELDS, "the manifest")
        if not is_schema1(value):
            raise ManifestInvalid("schemaVersion must be 1")
        declared = value.get("mediaType", SCHEMA1)
        if not isinstance(declared, str) or declared not in SCHEMA1_MANIFESTS:
            raise ManifestInvalid("mediaType is not the one of schema 1")
        for name in _OF_OTHER_SCHEMAS:
            if value.get(name) is not None:
                raise ManifestInvalid(f"a schema 1 manifest has no {name}")
        if not isinstance(value.get("architecture", ""), str):
            raise ManifestInvalid("architecture must be a string")
        layers, history = _layers(value), _history(value)
        if len(layers) != len(history):
            raise ManifestInvalid(
                f"fsLayers has {len(layers)} entries and history {len(history)};"
                " there must be one for each"
            )
        return cls(
            name=_name(value),
            tag=_tag(value),
            payload=payload,
            is_signed=is_signed,
            layers=layers,
            history=history,
        )


def read_document(body: bytes) -> ManifestDocument:
    """A manifest of schema 1 as any other. Raises ``ManifestInvalid``."""
    schema1 = Schema1.parse(body)
    return ManifestDocument(
        media_type=SCHEMA1_SIGNED if schema1.is_signed else SCHEMA1,
        declared_artifact_type="",
        config=None,
        layers=tuple(
            Descriptor(DOCKER_LAYER, digest, UNKNOWN_SIZE, f"fsLayers[{i}]")
            for i, digest in enumerate(schema1.layers)
        ),
        manifests=(),
        subject=None,
        annotations={},
        place=Place(schema1.name, schema1.tag),
        payload=schema1.payload,
        inline_config=_config(schema1.history),
    )


def _config(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The newest image tells what to run; each tells how it came to be."""
    return {**history[0], "history": [_step(image) for image in reversed(history)]}


def _step(image: Mapping[str, Any]) -> Mapping[str, Any]:
    built = image.get("container_config")
    command = built.get("Cmd") if isinstance(built, dict) else None
    words = command if isinstance(command, list) else []
    return {
        "created": image.get("created"),
        "created_by": " ".join(word for word in words if isinstance(word, str)),
    }


def is_schema1(value: Mapping[str, Any]) -> bool:
    """Whether a manifest's JSON says that it is of this schema."""
    version = value.get("schemaVersion")
    return isinstance(version, int) and not isinstance(version, bool) and version == 1


def _check_signed_all(value: Mapping[str, Any], payload: bytes) -> None:
    """Nothing but the signatures may stand outside of what was signed."""
    signed = {key: part for key, part in value.items() if key != "signatures"}
    if parse_object(payload) != signed:
        raise ManifestInvalid("the signatures do not cover the whole manifest")


def _name(value: Mapping[str, Any]) -> str:
    name = value.get("name")
    if not isinstance(name, str) or not is_name(name):
        raise ManifestInvalid("name must be the repository's name")
    return name


def _tag(value: Mapping[str, Any]) -> str:
    tag = value.get("tag")
    if not isinstance(tag, str) or not (tag == "" or is_tag(tag)):
        raise ManifestInvalid("tag must be a tag")
    return tag


def _layers(value: Mapping[str, Any]) -> tuple[Digest, ...]:
    return tuple(
        _digest(text, f"fsLayers[{i}].blobSum")
        for i, text in enumerate(_column(value, "fsLayers", "blobSum"))
    )


def _history(value: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    history = tuple(
        read_v1_image(text, f"history[{i}].v1Compatibility")
        for i, text in enumerate(_column(value, "history", "v1Compatibility"))
    )
    older: set[str] = set()
    for i in reversed(range(len(history))):
        parent = history[i].get("parent")
        if parent and parent not in older:
            raise ManifestInvalid(f"history[{i}] has a parent that is none of the entries below it")
        older.add(history[i]["id"])
    return history


def _column(value: Mapping[str, Any], name: str, key: str) -> list[str]:
    """``key`` of each object in the list ``name``."""
    items = value.get(name)
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_LAYERS:
        raise ManifestInvalid(f"{name} must be a list of 1 to {MAX_LAYERS} entries")
    column = []
    for i, item in enumerate(items):
        match item:
            case {**members} if isinstance(text := members.get(key), str):
                column.append(text)
            case _:
                raise ManifestInvalid(f"{name}[{i}] must be an object with the string {key}")
    return column


def _digest(text: str, where: str) -> Digest:
    try:
        return Digest.parse(text)
    except DigestInvalid as error:
        raise ManifestInvalid(f"{where}: {error.reason}") from error


def read_v1_image(text: str, where: str) -> Mapping[str, Any]:
    """The JSON of one image of the V1 protocol, which has an ``id`` and may have a ``parent``."""
    try:
        image = parse_object(text.encode(), for_answers=True)
    except ManifestInvalid as error:
        raise ManifestInvalid(f"{where}: {error.reason}") from error
    id_, parent = image.get("id"), image.get("parent") or ""
    if not isinstance(id_, str) or not _is_id(id_):
        raise ManifestInvalid(f"{where} must have an id")
    if not isinstance(parent, str) or (parent and not _is_id(parent)):
        raise ManifestInvalid(f"{where}.parent must be an id")
    return image


def _is_id(text: str) -> bool:
    return len(text) <= MAX_ID_LENGTH and _ID.fullmatch(text) is not None


SCHEMA = OtherSchema(SCHEMA1_MANIFESTS, is_schema1, read_document)

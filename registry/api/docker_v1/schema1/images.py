"""From an image of today to a manifest of Docker's schema 1, for clients that know no other.

Source: Docker's "Image Manifest Version 2, Schema 2", "Backward compatibility".
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from artifacts.images.config import ConfigUnreadable, HistoryEntry, ImageConfig
from artifacts.kinds.kinds import IMAGE_CONFIGS
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import DOCKER_LAYER
from registry.api.docker_v1.schema1.documents import MAX_LAYERS

# What stands for a step that added no layer: a tar archive with nothing in it, compressed.
# The bytes are those that Docker has always used, so that all registries share them.
EMPTY_LAYER = bytes.fromhex("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000")
EMPTY_LAYER_DIGEST = Digest.of(EMPTY_LAYER)

# Old clients unpack these; they know neither zstd nor layers that live elsewhere.
_LAYERS = frozenset(
    {
        DOCKER_LAYER,
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    }
)
_NOT_IN_SCHEMA1 = ("history", "rootfs")
_STEP = HistoryEntry(created="", created_by="", author="", comment="", is_empty=False)


class NotConvertible(ValueError):
    """The manifest has no form in schema 1; the message says why, in one sentence."""


def check_convertible(document: ManifestDocument) -> None:
    """Tell from a manifest alone whether an old client could use it. Raises ``NotConvertible``."""
    if document.config_media_type not in IMAGE_CONFIGS:
        raise NotConvertible("it is no container image")
    for layer in document.layers:
        if layer.media_type not in _LAYERS:
            raise NotConvertible(f"old clients cannot unpack {layer.media_type}")


def default_image(index: ManifestDocument) -> Digest:
    """The image of an index for clients that cannot choose: the one for amd64 and Linux.

    Raises ``NotConvertible`` when it lists none.
    """
    for child in index.manifests:
        platform = child.platform
        if (platform.get("os"), platform.get("architecture")) == ("linux", "amd64"):
            return child.digest
    raise NotConvertible("it lists no image for linux/amd64")


def to_schema1(*, name: str, tag: str, document: ManifestDocument, config: bytes) -> bytes:
    """An unsigned schema 1 manifest of an image; the same bytes each time.

    ``name`` is the repository as the client called it. Raises ``NotConvertible``.
    """
    check_convertible(document)
    try:
        image = ImageConfig.parse(config)
    except ConfigUnreadable as error:
        raise NotConvertible(str(error)) from error
    steps = list(_steps(image, document.layers))
    if not 1 <= len(steps) <= MAX_LAYERS:
        raise NotConvertible(f"it has {len(steps)} layers; schema 1 has 1 to {MAX_LAYERS}")
    images = _v1_images(image, steps)
    manifest = {
        "schemaVersion": 1,
        "name": name,
        "tag": tag,
        "architecture": image.architecture,
        "fsLayers": [{"blobSum": str(digest)} for _, digest, _ in reversed(steps)],
        "history": [{"v1Compatibility": _json(v1)} for v1 in reversed(images)],
    }
    return json.dumps(manifest, indent=3).encode()


_Step = tuple[HistoryEntry, Digest, int]  # what was done, the layer it made, bytes of that


def _steps(image: ImageConfig, layers: Sequence[Descriptor]) -> Iterator[_Step]:
    """The image's history with the layers, oldest first."""
    history = image.history or (_STEP,) * len(layers)
    if sum(not entry.is_empty for entry in history) != len(layers):
        raise NotConvertible("its config tells the history of other layers")
    left = iter(layers)
    for entry in history:
        if entry.is_empty:
            yield entry, EMPTY_LAYER_DIGEST, 0
        else:
            layer = next(left)
            yield entry, layer.digest, layer.size


def _v1_images(image: ImageConfig, steps: Sequence[_Step]) -> list[Mapping[str, Any]]:
    """The V1 image of each step, oldest first; the last is the image itself."""
    images: list[Mapping[str, Any]] = []
    parent = ""
    for i, (entry, digest, size) in enumerate(steps):
        is_leaf = i == len(steps) - 1
        about = _leaf(image) if is_leaf else _intermediate(entry, size)
        throwaway = {"throwaway": True} if entry.is_empty else {}
        document = {**about, **({"parent": parent} if parent else {}), **throwaway}
        parent = hashlib.sha256(_json([parent, i, str(digest), document]).encode()).hexdigest()
        images.append({"id": parent, **document})
    return images


def _leaf(image: ImageConfig) -> Mapping[str, Any]:
    left_out = {*_NOT_IN_SCHEMA1, "id", "parent", "throwaway"}
    return {key: value for key, value in image.document.items() if key not in left_out}


def _intermediate(entry: HistoryEntry, size: int) -> Mapping[str, Any]:
    fields = {"created": entry.created, "author": entry.author, "comment": entry.comment}
    return {
        **{key: text for key, text in fields.items() if text},
        "container_config": {"Cmd": [entry.created_by]},
        "Size": size,
    }


def _json(value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError as error:  # a number so large that it was read as infinite
        raise NotConvertible("its config has a number that cannot be written") from error

"""Image ids of the V1 protocol, made up: which manifest, and which of its layers.

Clients of that protocol ask for images by an id alone. An id of 32 bytes holds the number of
the manifest's row and the position of the layer, authenticated and hidden (the synthetic
initialization vector of RFC 5297, made of HMACs): nothing is stored for it, nobody can make
one up, and it tells nothing about how much the registry holds.
"""

import hmac
import re
import struct
from typing import NamedTuple

from django.utils.crypto import salted_hmac

from artifacts.oci.errors import ManifestUnknown

_FORM = struct.Struct(">QQ")
_TEXT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HALF = 16
_SALT = "registry.api.docker_v1.ids"


class ImageId(NamedTuple):
    """``layer`` counts from the newest, which is the image that a tag stands for."""

    manifest_id: int
    layer: int

    def __str__(self) -> str:
        plain = _FORM.pack(self.manifest_id, self.layer)
        vector = _mac("vector", plain)
        return (vector + _mixed(plain, _mac("pad", vector))).hex()


class ImageUnknown(ManifestUnknown):
    """No image has that id, or none that the caller may pull."""

    def __init__(self, text: str) -> None:
        super().__init__(f"there is no image {text[:64]!r} that you may pull")


def read_id(text: str) -> ImageId:
    """Raises ``ImageUnknown`` for an id that is not one of ours."""
    if not _TEXT.fullmatch(text):
        raise ImageUnknown(text)
    content = bytes.fromhex(text)
    vector, hidden = content[:_HALF], content[_HALF:]
    plain = _mixed(hidden, _mac("pad", vector))
    if not hmac.compare_digest(vector, _mac("vector", plain)):
        raise ImageUnknown(text)
    return ImageId(*_FORM.unpack(plain))


def _mac(purpose: str, content: bytes) -> bytes:
    return salted_hmac(f"{_SALT}.{purpose}", content, algorithm="sha256").digest()[:_HALF]


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))

"""Content digests: ``sha256:<64 hex>`` and ``sha512:<128 hex>``.

Source: image-spec v1.1, descriptor.md, "Digests".
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from artifacts.oci.errors import DigestInvalid

DEFAULT_ALGORITHM = "sha256"
MAX_LENGTH = 135  # "sha512:" and 128 hex digits

_HEX_LENGTH = {"sha256": 64, "sha512": 128}
ALGORITHMS = tuple(_HEX_LENGTH)
_WELL_FORMED = re.compile(r"[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+", re.ASCII)
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_LONGEST_SHOWN = 150


class AlgorithmUnsupported(DigestInvalid):
    """A well-formed digest of an algorithm this registry does not compute."""


@dataclass(frozen=True, slots=True)
class Digest:
    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``algorithm:hex``.

        Raises:
            AlgorithmUnsupported: well-formed, but neither sha256 nor sha512.
            DigestInvalid: anything else that is not a digest.
        """
        algorithm, _, hex_ = text.partition(":")
        expected = _HEX_LENGTH.get(algorithm)
        if expected is not None and len(hex_) == expected and _HEX.fullmatch(hex_):
            return cls(algorithm, hex_)
        shown = text[:_LONGEST_SHOWN]
        if expected is None and len(text) <= 1024 and _WELL_FORMED.fullmatch(text):
            raise AlgorithmUnsupported(
                f"digest algorithm {algorithm[:40]!r} is not supported; use sha256 or sha512",
                digest=shown,
            )
        raise DigestInvalid(f"{shown!r} is not a digest", digest=shown)

    @classmethod
    def of(cls, content: bytes | memoryview, algorithm: str = DEFAULT_ALGORITHM) -> Self:
        return cls(algorithm, hashlib.new(algorithm, content).hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def parse_algorithm(text: str) -> str:
    """The name of a supported digest algorithm, as ``digest-algorithm=`` gives it."""
    if text not in _HEX_LENGTH:
        raise AlgorithmUnsupported(
            f"digest algorithm {text[:40]!r} is not supported; use sha256 or sha512"
        )
    return text

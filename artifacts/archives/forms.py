"""What bytes are compressed with, told from their beginning.

Source: RFC 1952; RFC 8878, "Zstandard Frames" and "Skippable Frames".
"""

import re
from typing import Final

GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # a frame with something else in it
_UNREAD = (
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x5d\x00\x00", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"LZIP\x01", "lzip"),
    (b"\x89LZO\x00", "lzop"),
    (b"\xff\x06\x00\x00sNaPpY", "Snappy"),
    (b"\x1f\x9d", "compress (.Z)"),
)


def is_zstd(head: bytes) -> bool:
    return head.startswith(_ZSTD) or _ZSTD_SKIPPABLE.match(head) is not None


def unread_form(head: bytes) -> str:
    """The name of a compression that is not read here; empty for everything else."""
    return next((name for beginning, name in _UNREAD if head.startswith(beginning)), "")

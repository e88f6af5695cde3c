"""Tell whether a blob could be unpacked as a layer, whatever its media type says.

Clients look at the first bytes and not at the type: an image whose layer claims to be an SBOM
is pulled and run by podman all the same.
"""

HEAD_BYTES = 512

_COMPRESSED = (
    b"\x1f\x8b",  # gzip
    b"BZh",  # bzip2
    b"\xfd7zXZ\x00",  # xz
    b"\x28\xb5\x2f\xfd",  # zstd
)
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # preceded by a byte from 0x50 to 0x5f
_CHECKSUM = slice(148, 156)


def could_be_a_layer(head: bytes) -> bool:
    """Whether the first ``HEAD_BYTES`` bytes of a blob are those of an archive."""
    if head.startswith(_COMPRESSED) or head[1:4] == _ZSTD_SKIPPABLE:
        return True
    return len(head) >= HEAD_BYTES and _is_tar_header(head[:HEAD_BYTES])


def _is_tar_header(block: bytes) -> bool:
    """Every reader of tar archives compares this checksum before it believes a header."""
    if not any(block):
        return True
    field = block[_CHECKSUM].strip(b" \x00")
    try:
        stated = int(field, 8)
    except ValueError:
        return False
    blank = block[: _CHECKSUM.start] + b" " * 8 + block[_CHECKSUM.stop :]
    signed = sum(byte - 256 if byte > 127 else byte for byte in blank)
    return stated in (sum(blank), signed)

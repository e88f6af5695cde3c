"""Tags that speak about a manifest, and blobs that could be unpacked."""

import bz2
import gzip
import io
import lzma
import tarfile

import pytest
import zstandard

from artifacts.oci.digest import Digest
from artifacts.signatures.archives import HEAD_BYTES, could_be_a_layer
from artifacts.signatures.companions import companion_tags, subject_of

IMAGE = Digest.of(b"image")


def test_a_companion_tag_names_its_subject() -> None:
    tags = companion_tags(IMAGE)

    assert set(tags) == {f"sha256-{IMAGE.hex}.{end}" for end in ("sig", "att", "sbom")}
    assert {subject_of(tag) for tag in tags} == {IMAGE}
    assert companion_tags(Digest.of(b"image", "sha512")) == {}


@pytest.mark.parametrize(
    "tag",
    [
        "v1",
        "sha256-abc.sig",
        f"sha256-{IMAGE.hex}",
        f"sha256-{IMAGE.hex}.sig2",
        f"sha256-{IMAGE.hex}.sig\n",
        f"sha256-{IMAGE.hex.upper()}.sig",
        f"sha512-{IMAGE.hex}.sig",
        "sha256-.sig",
        "",
    ],
)
def test_another_tag_names_none(tag: str) -> None:
    assert subject_of(tag) is None


def _tar(name: str = "hello.txt", **options: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", **options) as archive:  # type: ignore[call-overload]
        entry = tarfile.TarInfo(name)
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    return stream.getvalue()


LAYERS = {
    "tar": _tar(),
    "POSIX tar": _tar(format=tarfile.PAX_FORMAT),
    "GNU tar": _tar(format=tarfile.GNU_FORMAT),
    "tar that begins like JSON": _tar('{"critical": {}}'),
    "tar without a single NUL in its header": b"",
    "empty tar": bytes(1024),
    "gzip": gzip.compress(_tar()),
    "bzip2": bz2.compress(_tar()),
    "xz": lzma.compress(_tar()),
    "zstd": zstandard.compress(_tar()),
    "zstd after a skippable frame": b"\x50\x2a\x4d\x18\x01\x00\x00\x00x"
    + zstandard.compress(_tar()),
}


def _header_without_nul() -> bytes:
    """Old tar readers take a header whose fields end in blanks."""
    field = b'{"a":"' + b"x" * 94 + b"000644 " + b" 000000 " + b"000000  " + b"00000000005 "
    head = bytearray((field + b"00000000000 ").ljust(148, b" ") + b" " * 8 + b"0" + b"x" * 355)
    head[148:156] = b"%06o  " % sum(head)
    assert 0 not in head
    return bytes(head)


LAYERS["tar without a single NUL in its header"] = _header_without_nul()


@pytest.mark.parametrize("what", LAYERS)
def test_an_archive_is_told_from_its_first_bytes(what: str) -> None:
    assert could_be_a_layer(LAYERS[what][:HEAD_BYTES])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"critical": {}}' * 100,
        b"SPDXVersion: SPDX-2.3\n" * 100,
        b"<bom/>",
        b" " * 512,
        '{"name": "Bärbel"}'.encode() * 100,
        b"\x00" * 10,
    ],
    ids=lambda one: str(one[:10]),
)
def test_text_is_no_archive(content: bytes) -> None:
    assert not could_be_a_layer(content[:HEAD_BYTES])

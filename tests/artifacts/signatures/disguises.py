"""What unsigned content puts on to be taken for a proof: layers, and whole manifests."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import zstandard

from artifacts.signatures.proofs import END_BYTES


def tar(name: str = "hello.txt", **options: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", **options) as archive:  # type: ignore[call-overload]
        entry = tarfile.TarInfo(name)
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    return stream.getvalue()


def with_checksum(archive: bytes, field: bytes) -> bytes:
    """The archive with another text in the eight bytes of its first checksum."""
    return archive[:148] + field.ljust(8, b" ") + archive[156:]


def tar_that_is_text(beginning: str, *, checksum: bytes = b"%06o  ") -> bytes:
    """Old readers take a header whose fields end in blanks; all of this is one text."""
    name = beginning.encode() + b"x" * (100 - len(beginning))
    field = name + b"000644 " + b" 000000 " + b"000000  " + b"00000000400 "
    head = bytearray((field + b"00000000000 ").ljust(148, b" ") + b" " * 8 + b"0" + b"x" * 355)
    head[148:156] = checksum % sum(head)
    assert 0 not in head
    return bytes(head) + b"#!/bin/sh\necho hello\n".ljust(256, b" ") + b" " * 256


def _zip_after(text: bytes) -> bytes:
    stream = io.BytesIO()
    stream.write(text)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("__main__.py", "print('hello')")
    return stream.getvalue()


_TEXT = b'{"spdxVersion": "' + b"x" * 2000 + b'"}'
_CHECKED = tar()

LAYERS = {
    "nothing": b"",
    "blanks": b" " * 2000,
    "tar": tar(),
    "POSIX tar": tar(format=tarfile.PAX_FORMAT),
    "GNU tar": tar(format=tarfile.GNU_FORMAT),
    "tar that begins like JSON": tar('{"critical": {}}'),
    "tar that begins like XML": tar("<?xml version='1.0'?>"),
    "tar with a letter after its checksum": with_checksum(_CHECKED, _CHECKED[148:154] + b"\0Z"),
    "tar without a checksum": with_checksum(_CHECKED, b""),
    "tar that is JSON all through": tar_that_is_text('{"a":"'),
    "tar that is SPDX all through": tar_that_is_text("SPDXVersion: SPDX-2.3\n"),
    "tar that is XML all through": tar_that_is_text("<bom>"),
    "tar with a short checksum": tar_that_is_text('{"a":"', checksum=b"%o Z  "),
    "empty tar": bytes(1024),
    "gzip": gzip.compress(tar()),
    "bzip2": bz2.compress(tar()),
    "xz": lzma.compress(tar()),
    "lzma": lzma.compress(tar(), format=lzma.FORMAT_ALONE),
    "zstd": zstandard.compress(tar()),
    "zstd after a skippable frame": b"\x50\x2a\x4d\x18\x01\x00\x00\x00x"
    + zstandard.compress(tar()),
    "zip": _zip_after(b""),
    "zip after a long text": _zip_after(_TEXT),
    "ELF": b"\x7fELF\x02\x01\x01" + b"x" * 600,
    "WebAssembly": b"\x00asm\x01\x00\x00\x00" + b"x" * 600,
    "PE": b"MZ" + b"x" * 600,
    "a shell script": b"#!/bin/sh\nrm -rf /\n",
    "a shell script that names an SBOM": b"#!/bin/sh\nSPDXVersion: SPDX-2.3\n",
    "a group of a shell": b'{ "rm" "-rf" "/"; }\n',
    "Python that begins like JSON": b'{"a": __import__("os").system("id")}\n',
    "JavaScript that begins like JSON": b'{"a": alert(1)}',
    "a page": b"<html><script>alert(1)</script></html>",
    "text": b"hello, world",
    "a list": b'["a"]',
    "JSON with a NUL": b'{"a": "\x00"}',
    "JSON that is not UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "Latin-1": '{"a": "Bärbel"}'.encode("latin-1"),
    "JSON, then a NUL at the end": _TEXT + b" " * 5000 + b"\x00",
    "JSON after too many blanks": b" " * END_BYTES + b"{}",
    "CBOR": b"\xa1\x61\x61\x01",
}

TEXTS = {
    "an empty object": b"{}",
    "JSON": b'{"critical": {}}',
    "JSON in lines": b'{\n "spdxVersion" : "SPDX-2.3",\n "n": -1.5e+3, "b": [true, false, null]}\n',
    "JSON after a byte order mark": b'\xef\xbb\xbf{"bomFormat": "CycloneDX"}',
    "long JSON": b'{"critical": {"n": [1, 2, 3]}, "name": "\\"' + b"y" * 5000 + b'"}',
    "JSON cut off in a word": b'{"a": [' + b"null,  " * 2000 + b"null]}",
    "JSON cut off in a character": b'{"aa": "' + "ä".encode() * 5000 + b'"}',
    "JSON cut off in an odd character": b'{"a": "' + "ä".encode() * 5000 + b'"}',
    "JSON as long as a block of tar": (b'{"a": "' + b"x" * 503 + b'"}'),
    "SPDX": b"SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n" * 100,
    "CycloneDX": b'<?xml version="1.0"?>\n<bom xmlns="http://cyclonedx.org/schema/bom/1.5"/>',
    "CycloneDX without a declaration": b'<bom xmlns="http://cyclonedx.org/schema/bom/1.5"/>',
    "SPDX as RDF": b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>',
}

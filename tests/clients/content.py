"""Things to push: images as OCI layouts with bytes nobody has seen, and files."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Image:
    """One image of random content: what its file system holds, and its parts as bytes.

    Random, because clients and the registry remember blobs by digest, and a push of known
    content sends nothing.
    """

    files: dict[str, bytes] = field(
        default_factory=lambda: {"hello.txt": os.urandom(16), "data.bin": os.urandom(300_000)}
    )
    architecture: str = "amd64"

    @cached_property
    def layer(self) -> bytes:
        return gzip.compress(tar(self.files), mtime=0)

    @property
    def config(self) -> bytes:
        return _json(
            {
                "architecture": self.architecture,
                "os": "linux",
                "config": {"Cmd": ["/hello"]},
                "rootfs": {"type": "layers", "diff_ids": [digest(tar(self.files))]},
            }
        )

    @property
    def manifest(self) -> bytes:
        layer = descriptor("application/vnd.oci.image.layer.v1.tar+gzip", self.layer)
        return _json(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor("application/vnd.oci.image.config.v1+json", self.config),
                "layers": [layer],
            }
        )

    @property
    def digest(self) -> str:
        return digest(self.manifest)


def write_layout(folder: Path, *images: Image, tag: str = "v1") -> Path:
    """An OCI layout with one image, or with an index of several, under the tag."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    top_type, top = (OCI_MANIFEST, images[0].manifest) if len(images) == 1 else _index(images)
    for image in images:
        for part in (image.layer, image.config, image.manifest):
            (blobs / digest(part).removeprefix("sha256:")).write_bytes(part)
    (blobs / digest(top).removeprefix("sha256:")).write_bytes(top)
    named = descriptor(top_type, top) | {"annotations": {"org.opencontainers.image.ref.name": tag}}
    (folder / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [named]}))
    return folder


def image_index(*images: Image) -> bytes:
    """The index that ``write_layout`` puts over several images."""
    return _index(images)[1]


def folder_content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def untar(data: bytes) -> dict[str, bytes]:
    """The regular files of an archive, compressed or not."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
        opened = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read() for name, file in opened.items() if file}


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def _index(images: tuple[Image, ...]) -> tuple[str, bytes]:
    entries = [
        descriptor(OCI_MANIFEST, image.manifest)
        | {"platform": {"architecture": image.architecture, "os": "linux"}}
        for image in images
    ]
    return OCI_INDEX, _json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()

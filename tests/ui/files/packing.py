"""Layers of a few files."""

import io
import tarfile

from tests.artifacts.charts.archives import file, link

Member = tuple[tarfile.TarInfo, bytes]


def layer(*members: Member) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def files(*names: str, content: bytes = b"abc") -> bytes:
    return layer(*(file(name, content) for name in names))


__all__ = ["Member", "file", "files", "layer", "link"]

"""Archives of charts, honest and otherwise."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping

CHART_YAML = b"apiVersion: v2\nname: etherpad\nversion: 0.0.4\n"
CONFIG = json.dumps({"apiVersion": "v2", "name": "etherpad", "version": "0.0.4"}).encode()


def archive(files: Mapping[str, bytes], *, folder: str = "etherpad") -> bytes:
    """A gzipped archive with these files below one folder."""
    return packed([file(f"{folder}/{path}", content) for path, content in files.items()])


def packed(
    members: Iterable[tuple[tarfile.TarInfo, bytes]], *, form: int = tarfile.PAX_FORMAT
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def file(name: str, content: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member, b""

"""The list of a layer's files in few bytes: a line of JSON for each, compressed with gzip.

It is packed and unpacked file by file, so that what one takes more in JSON is held for it alone.
"""

import gzip
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Self

from artifacts.images.files import LayerFile, LayerFiles
from artifacts.images.unpacking import BoundMet, ListingEnds

_LEVEL: Final = 3  # most of it are digests, which get no shorter
_FIELDS: Final = attrgetter("path", "kind", "size", "mode", "target", "digest")


@dataclass(frozen=True, slots=True)
class PackedFiles:
    """As ``LayerFiles``; ``content`` is the list, ``count`` how many files it has."""

    content: bytes
    count: int
    problem: str = ""
    is_cut: bool = False

    @classmethod
    def of(cls, files: Iterable[LayerFile]) -> Self:
        """``files`` may raise ``ListingEnds``, which is the list's problem then."""
        count, problem, is_cut = 0, "", False
        content = io.BytesIO()
        with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=_LEVEL, mtime=0) as packer:
            try:
                for file in files:
                    packer.write(f"{json.dumps(_FIELDS(file))}\n".encode())
                    count += 1
            except ListingEnds as reason:
                problem, is_cut = str(reason), isinstance(reason, BoundMet)
        return cls(content.getvalue(), count, problem, is_cut)

    def unpacked(self) -> LayerFiles:
        with gzip.open(io.BytesIO(self.content)) as unpacker:
            files = [LayerFile(*json.loads(line)) for line in io.BufferedReader(unpacker)]
        return LayerFiles(files, self.problem, self.is_cut)

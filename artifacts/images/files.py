"""The files of a layer, listed as its archive streams by: nothing is unpacked, all is bounded.

What is odd about an archive ends the list, and does not lose what came before.

Source: image-spec v1.1, layer.md.
"""

import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from artifacts.archives.tar import TarBroken, members
from artifacts.images.unpacking import ListingEnds, Unpacked

MAX_UNPACKED_BYTES: Final = 1024 * 1024 * 1024
MAX_FILES: Final = 20_000
MAX_NAMES_BYTES: Final = 4 * 1024 * 1024  # of all together; they may take four times that here
MAX_SECONDS: Final = 5.0
MAX_CPU_SECONDS: Final = 0.75  # a page shows what was read, and takes a second in all

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "pipe",
}


@dataclass(frozen=True, slots=True)
class LayerFile:
    """One entry. ``is_whiteout`` says that it takes something of a lower layer away."""

    path: str
    kind: str
    size: int
    mode: int
    target: str = ""

    @property
    def is_whiteout(self) -> bool:
        return self.path.rpartition("/")[2].startswith(_WHITEOUT)

    @property
    def removes(self) -> str:
        """What a whiteout takes away: a path, or all that a folder held."""
        folder, slash, name = self.path.rpartition("/")
        if name == _OPAQUE:
            return f"everything that was in {folder or '/'}"
        return f"{folder}{slash}{name.removeprefix(_WHITEOUT)}"


@dataclass(slots=True)
class LayerFiles:
    """What could be listed. ``problem`` is why the list ends early; empty when it is whole."""

    files: list[LayerFile] = field(default_factory=list)
    problem: str = ""


def list_files(
    packed: Iterable[bytes],
    *,
    max_files: int = MAX_FILES,
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
    max_seconds: float = MAX_SECONDS,
    max_cpu_seconds: float = MAX_CPU_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    cpu_clock: Callable[[], float] = time.thread_time,
) -> LayerFiles:
    """The files of a layer: a tar as it is, or compressed with gzip or zstd."""
    listing = LayerFiles()
    deadline, cpu_deadline = clock() + max_seconds, cpu_clock() + max_cpu_seconds

    def tick() -> None:
        if clock() > deadline or cpu_clock() > cpu_deadline:
            raise ListingEnds("it takes too long to read")

    try:
        unpacked = Unpacked(packed, max_unpacked_bytes, tick)
        for file in _files(unpacked, max_files):
            listing.files.append(file)  # one by one, to keep those before a problem
    except ListingEnds as reason:
        listing.problem = str(reason)
    except TarBroken as error:
        listing.problem = f"it {error}"
    return listing


def _files(stream: Unpacked, max_files: int) -> Iterator[LayerFile]:
    room = MAX_NAMES_BYTES
    for member in members(stream, most=max_files):
        file = LayerFile(
            path=member.path.removeprefix("./").rstrip("/") or ".",
            # Of kinds that nobody knows POSIX says that they are files.
            kind=_KINDS.get(member.header.type, "file"),
            size=member.whole_size,
            mode=member.header.mode & 0o7777,
            target=member.target,
        )
        room -= len(file.path.encode()) + len(file.target.encode())
        if room < 0:
            raise ListingEnds(f"its names take more than {MAX_NAMES_BYTES // 1024**2} MiB")
        yield file

"""The files of a layer, listed as its archive streams by: nothing is unpacked, all is bounded.

What is odd about an archive ends the list, and does not lose what came before.

Source: image-spec v1.1, layer.md.
"""

import tarfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from artifacts.archives.tar import Member, TarBroken, TooManyEntries, members
from artifacts.images.unpacking import BoundMet, ListingEnds, UnpackedLayer

MAX_UNPACKED_BYTES: Final = 1024 * 1024 * 1024
MAX_FILES: Final = 50_000
MAX_NAMES_BYTES: Final = 4 * 1024 * 1024  # of all together; they may take four times that here
MAX_SECONDS: Final = 6.0
MAX_CPU_SECONDS: Final = 2.0  # who asks for a layer again finds it remembered

_WHITEOUT, _OPAQUE, _OF_AUFS = ".wh.", ".wh..wh..opq", ".wh..wh."
_NO_NAMES = ("", ".", "..")
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
    """One entry. ``is_whiteout`` says that it takes something of a lower layer away.

    ``digest`` is the SHA-256 of a file's content in hexadecimal digits; empty where that was not
    read to its end, or has holes.
    """

    path: str
    kind: str
    size: int
    mode: int
    target: str = ""
    digest: str = ""

    @property
    def is_whiteout(self) -> bool:
        return self.path.rpartition("/")[2].startswith(_WHITEOUT)

    @property
    def is_opaque(self) -> bool:
        """Whether it takes away all that lower layers have in its folder."""
        return self.path.rpartition("/")[2] == _OPAQUE

    @property
    def removed(self) -> str:
        """The path that a whiteout takes away: a folder's with all in it, where it is opaque.

        Empty for what AUFS keeps for itself under such names, and for what is no name.
        """
        folder, slash, name = self.path.rpartition("/")
        if name == _OPAQUE:
            return folder or "/"
        taken = name.removeprefix(_WHITEOUT)
        return "" if name.startswith(_OF_AUFS) or taken in _NO_NAMES else f"{folder}{slash}{taken}"


@dataclass(slots=True)
class LayerFiles:
    """What could be listed. ``problem`` is why the list ends early; empty when it is whole.

    ``is_cut`` says that more could be listed within larger bounds.
    """

    files: list[LayerFile] = field(default_factory=list)
    problem: str = ""
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What of one layer is listed at most. ``names_bytes``: of all paths and targets together."""

    files: int = MAX_FILES
    names_bytes: int = MAX_NAMES_BYTES
    unpacked_bytes: int = MAX_UNPACKED_BYTES


class Patience:
    """Ends reading after so much time. Raises ``ListingEnds``."""

    def __init__(
        self,
        *,
        max_seconds: float = MAX_SECONDS,
        max_cpu_seconds: float = MAX_CPU_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock, self._cpu_clock = clock, cpu_clock
        self._end, self._cpu_end = clock() + max_seconds, cpu_clock() + max_cpu_seconds

    def tick(self) -> None:
        if self._clock() > self._end or self._cpu_clock() > self._cpu_end:
            raise BoundMet("it takes too long to read")


def list_files(
    packed: Iterable[bytes], *, bounds: Bounds | None = None, patience: Patience | None = None
) -> LayerFiles:
    """The files of a layer: a tar as it is, or compressed with gzip or zstd."""
    listing = LayerFiles()
    try:
        for file in files_of(packed, bounds=bounds or Bounds(), patience=patience):
            listing.files.append(file)  # one by one, to keep those before a problem
    except ListingEnds as reason:
        listing.problem, listing.is_cut = str(reason), isinstance(reason, BoundMet)
    return listing


def files_of(
    packed: Iterable[bytes], *, bounds: Bounds, patience: Patience | None = None
) -> Iterator[LayerFile]:
    """As ``list_files``, file by file as they stream by. Raises ``ListingEnds`` where they end."""
    try:
        unpacked = UnpackedLayer(packed, bounds.unpacked_bytes, (patience or Patience()).tick)
        for file, member in _files(unpacked, bounds):
            if file.kind != "file" or not member.is_plain:
                yield file
                continue
            content = sha256()
            try:
                for piece in member.pieces():
                    content.update(piece)
            except ListingEnds:
                yield file
                raise
            yield replace(file, digest=content.hexdigest())
    except TooManyEntries as error:
        raise BoundMet(f"it {error}") from error
    except TarBroken as error:
        raise ListingEnds(f"it {error}") from error


def contents_of(
    packed: Iterable[bytes], numbers: Collection[int], *, patience: Patience | None = None
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The contents of those entries of the list, by their indices in it, as they stream by.

    Each is to be read before the next is asked for, or never. Raises ``ListingEnds``.
    """
    last = max(numbers)
    tick = (patience or Patience()).tick
    try:
        unpacked = UnpackedLayer(packed, MAX_UNPACKED_BYTES, tick)
        for index, member in enumerate(members(unpacked, most=last + 1)):
            if index in numbers:
                yield index, member.pieces()
            if index == last:
                return
    except TarBroken as error:
        raise ListingEnds(f"it {error}") from error
    raise ListingEnds("it is cut short")


def _files(stream: UnpackedLayer, bounds: Bounds) -> Iterator[tuple[LayerFile, Member]]:
    room = bounds.names_bytes
    for member in members(stream, most=bounds.files):
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
            raise BoundMet(f"its names take more than {bounds.names_bytes // 1024**2} MiB")
        yield file, member

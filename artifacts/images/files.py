"""The files of a layer, listed as its archive streams by: nothing is unpacked, all is bounded.

What is odd about an archive ends the list, and does not lose what came before.

Source: image-spec v1.1, layer.md; POSIX.1-2001, pax; GNU tar, "Basic Tar Format".
"""

import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from artifacts.images.unpacking import ListingEnds, Unpacked
from artifacts.text import decoded

MAX_UNPACKED_BYTES: Final = 1024 * 1024 * 1024
MAX_FILES: Final = 20_000
MAX_NAME_BYTES: Final = 4 * 1024  # as in Linux
MAX_NAMES_BYTES: Final = 8 * 1024 * 1024  # of all together
MAX_HEADER_BYTES: Final = 16 * 1024  # that says something of the entry behind it
MAX_SECONDS: Final = 5.0
MAX_CPU_SECONDS: Final = 1.0

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(_BLOCK)
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
_TOO_LONG = "a name in it is too long"
# These have no content, whatever size their header states.
_BARE = (
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
)
_ABOUT_NEXT = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_ABOUT_NO_FILE = (tarfile.XGLTYPE, b"V")  # what holds for all files, and GNU's name of a volume
_SPARSE_NAME, _SPARSE_SIZE = "sparse name", "sparse size"
_PAX_KEYS = {
    b"path": "path",
    b"linkpath": "linkpath",
    b"size": "size",
    b"GNU.sparse.name": _SPARSE_NAME,
    b"GNU.sparse.size": _SPARSE_SIZE,  # of format 0
    b"GNU.sparse.realsize": _SPARSE_SIZE,  # of format 1
}
# Where GNU's old format tells of a file with holes, in its header and in the blocks behind it.
_SPARSE_EXTENDED, _SPARSE_REAL_SIZE, _SPARSE_BLOCK_EXTENDED = 482, slice(483, 495), 504
_MAX_SPARSE_BLOCKS: Final = 10_000


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
        for file in _entries(unpacked, max_files):
            listing.files.append(file)  # one by one, to keep those before a problem
    except ListingEnds as reason:
        listing.problem = str(reason)
    return listing


def _entries(stream: Unpacked, max_files: int) -> Iterator[LayerFile]:
    said: dict[str, str] = {}
    count = 0
    room = MAX_NAMES_BYTES
    while True:
        block = stream.read_or_end(_BLOCK)
        if block in (_END, b""):
            return
        header = _header(block)
        if header.type in _ABOUT_NEXT:
            said |= _said(header, stream)
            continue
        if header.type in _ABOUT_NO_FILE:
            stream.skip(_padded(header.size))
            continue
        if header.type == tarfile.GNUTYPE_SPARSE:
            said |= _said_of_sparse(block, stream)
        if count == max_files:
            raise ListingEnds(f"it has more than {max_files:,} entries")
        count += 1
        size = _size(header, said)
        name = said.get(_SPARSE_NAME) or said.get("path", header.name)
        file = LayerFile(
            path=name.removeprefix("./").rstrip("/") or ".",
            kind=_KINDS.get(header.type, "file"),  # of kinds that nobody knows POSIX says the same
            size=_number(said, _SPARSE_SIZE, size),
            mode=header.mode & 0o7777,
            target=said.get("linkpath", header.linkname),
        )
        room -= len(file.path.encode()) + len(file.target.encode())
        if room < 0:
            raise ListingEnds(f"its names take more than {MAX_NAMES_BYTES // 1024**2} MiB")
        yield file
        said = {}
        stream.skip(_padded(size))


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except (tarfile.HeaderError, ValueError) as error:
        raise ListingEnds("it is not a tar archive") from error
    if header.size < 0:
        raise ListingEnds("it states a size below zero")
    return header


def _size(header: tarfile.TarInfo, said: dict[str, str]) -> int:
    if header.type in _BARE:
        return 0
    return _number(said, "size", header.size)


def _number(said: dict[str, str], key: str, default: int) -> int:
    stated = said.get(key, "")
    if not stated:
        return default
    if not (stated.isascii() and stated.isdigit() and len(stated) < 19):
        raise ListingEnds("it states a size that is no number")
    return int(stated)


def _said(header: tarfile.TarInfo, stream: Unpacked) -> dict[str, str]:
    """What a header says of the entry behind it: a name, or the records of pax."""
    if header.size > MAX_HEADER_BYTES:
        if header.type != tarfile.XHDTYPE:
            raise ListingEnds(_TOO_LONG)
        stream.skip(_padded(header.size))  # records of security attributes may be long
        return {}
    content = stream.read(_padded(header.size))[: header.size]
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": _text(content)}
    if header.type == tarfile.GNUTYPE_LONGLINK:
        return {"linkpath": _text(content)}
    return _records(content)


def _said_of_sparse(header: bytes, stream: Unpacked) -> dict[str, str]:
    """The whole size of a file with holes, past the map of its parts behind its header."""
    is_extended = header[_SPARSE_EXTENDED] != 0
    for _ in range(_MAX_SPARSE_BLOCKS):
        if not is_extended:
            return {_SPARSE_SIZE: str(_whole(header[_SPARSE_REAL_SIZE]))}
        is_extended = stream.read(_BLOCK)[_SPARSE_BLOCK_EXTENDED] != 0
    raise ListingEnds("it holds a sparse file of too many parts")


def _whole(field: bytes) -> int:
    """A number as tar writes it: octal digits, or bytes behind a mark."""
    if field.startswith(b"\x80"):
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b" \x00") or b"0", 8)
    except ValueError as error:
        raise ListingEnds("it states a size that is no number") from error


def _records(content: bytes) -> dict[str, str]:
    records: dict[str, str] = {}
    while content:
        length, _, _ = content.partition(b" ")
        size = int(length) if length.isdigit() and len(length) < 8 else 0
        record = content[len(length) + 1 : size]
        if size > len(content) or not record.endswith(b"\n") or b"=" not in record:
            raise ListingEnds("it has a pax header that cannot be read")
        key, _, value = record[:-1].partition(b"=")
        if (known := _PAX_KEYS.get(key)) is not None:
            records[known] = _text(value)
        content = content[size:]
    return records


def _text(content: bytes) -> str:
    if len(content) > MAX_NAME_BYTES:
        raise ListingEnds(_TOO_LONG)
    return decoded(content.rstrip(b"\x00"))


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK

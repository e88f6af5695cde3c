"""Walk through a chart's archive as it streams by: nothing is unpacked, everything is bounded.

Only the headers are read with ``tarfile``. Its own walk follows links, keeps every header and
reads names of any length, none of which anything from outside should decide.
"""

import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from artifacts.archives.gunzip import Gunzip, GzipBroken, Packed
from artifacts.text import decoded

MAX_UNPACKED_BYTES: Final = 100 * 1024 * 1024  # as Helm since 3.17.3
MAX_ENTRIES: Final = 20_000
MAX_NAME_BYTES: Final = 16 * 1024

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(_BLOCK)
_PIECE = 64 * 1024
_DRIVE = re.compile("[A-Za-z]:")
_LONG_NAME = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_NAMES_ONLY = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
# These have no content, whatever size their header states.
_BARE = (*_LINKS, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)


class ChartUnreadable(Exception):
    """What was pushed as a chart is none. The message goes on after "because"."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive. ``path`` is below the folder that holds the chart."""

    path: str
    size: int
    is_link: bool
    read: Callable[[], bytes]  # the content; to be called before the next entry is asked for


def entries(compressed: Packed, tick: Callable[[], None] = lambda: None) -> Iterator[Entry]:
    """Every file and link of a gzipped archive, in its order.

    Raises ``ChartUnreadable`` for what is no such archive, or is larger than any chart, or
    has a name that leads out of the chart.
    """
    yield from _Walk(_Bounded(Gunzip(compressed, tick))).entries()


class _Bounded:
    """A stream that ends in an error when more comes out of it than a chart may hold."""

    def __init__(self, stream: Gunzip) -> None:
        self._stream = stream
        self._left = MAX_UNPACKED_BYTES

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        return b"".join(self._pieces(size))

    def skip(self, size: int) -> None:
        for _ in self._pieces(size):
            pass

    def _pieces(self, size: int) -> Iterator[bytes]:
        if size > self._left:
            raise ChartUnreadable(
                f"its archive unpacks to more than {MAX_UNPACKED_BYTES // 1024 // 1024} MiB"
            )
        self._left -= size
        while size > 0:
            try:
                piece = self._stream.read(min(size, _PIECE))
            except GzipBroken as error:
                raise ChartUnreadable(f"its archive cannot be unpacked: {error}") from error
            if not piece:
                raise ChartUnreadable("its archive is cut short")
            size -= len(piece)
            yield piece


class _Walk:
    def __init__(self, stream: _Bounded) -> None:
        self._stream = stream

    def entries(self) -> Iterator[Entry]:
        long_name: str | None = None
        for header in self._headers():
            if header.type in _LONG_NAME or header.type in _NAMES_ONLY:
                name = self._long_name(header)
                long_name = name if name is not None else long_name
                continue
            name, long_name = long_name or header.name, None
            if not header.isreg() and header.type not in _LINKS:
                self._stream.skip(_padded(header.size))  # folders, and headers for all files
                continue
            yield from self._entry(name, header)

    def _headers(self) -> Iterator[tarfile.TarInfo]:
        for _ in range(MAX_ENTRIES):
            block = self._stream.read(_BLOCK)
            if block == _END:
                return
            try:
                header = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
            except (tarfile.HeaderError, ValueError) as error:
                raise ChartUnreadable("its archive is not a tar") from error
            if header.size < 0 or header.type == tarfile.GNUTYPE_SPARSE:
                raise ChartUnreadable("its archive is not a plain tar")
            if header.type in _BARE:
                header.size = 0
            yield header
        raise ChartUnreadable(f"its archive has more than {MAX_ENTRIES} entries")

    def _entry(self, name: str, header: tarfile.TarInfo) -> Iterator[Entry]:
        left = [_padded(header.size)]

        def read() -> bytes:
            size, left[0] = left[0], 0
            return self._stream.read(size)[: header.size]

        yield Entry(_path(name), header.size, header.type in _LINKS, read)
        self._stream.skip(left[0])

    def _long_name(self, header: tarfile.TarInfo) -> str | None:
        """The name that this header holds for the entry behind it, if it holds one."""
        if header.size > MAX_NAME_BYTES:
            raise ChartUnreadable("a name in its archive is too long")
        content = self._stream.read(_padded(header.size))[: header.size]
        if header.type == tarfile.GNUTYPE_LONGNAME:
            return decoded(content.rstrip(b"\x00"))
        if header.type == tarfile.GNUTYPE_LONGLINK:
            return None
        records = _records(content)
        if b"size" in records or any(key.startswith(b"GNU.sparse") for key in records):
            raise ChartUnreadable("its archive is not a plain tar")
        return decoded(records[b"path"]) if b"path" in records else None


def _records(content: bytes) -> dict[bytes, bytes]:
    """The records of a pax header: ``LENGTH KEY=VALUE`` and a newline, one after the other."""
    records = {}
    while content:
        length, _, _ = content.partition(b" ")
        size = int(length) if length.isdigit() and len(length) < 8 else 0
        record = content[len(length) + 1 : size]
        if size > len(content) or not record.endswith(b"\n") or b"=" not in record:
            raise ChartUnreadable("its archive is not a plain tar")
        key, _, value = record[:-1].partition(b"=")
        records[key] = value
        content = content[size:]
    return records


def _path(name: str) -> str:
    parts = name.replace("\\", "/").split("/")
    parts = [part for part in parts if part != "."]
    if ".." in parts or parts[:1] == [""] or _DRIVE.fullmatch(parts[0] if parts else ""):
        raise ChartUnreadable(f"a name in its archive leads out of the chart: {name[:100]!r}")
    return "/".join(part for part in parts[1:] if part)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK

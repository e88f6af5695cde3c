"""The entries of a tar, one by one as it streams by: nothing is unpacked, all is bounded.

Only single headers are read with ``tarfile``. Its own walk follows links, keeps every header and
reads names of any length, none of which anything from outside should decide.

Source: POSIX.1-2001, pax; GNU tar, "Basic Tar Format".
"""

import tarfile
from collections.abc import Iterator
from typing import Final, Protocol

from artifacts.text import decoded

MAX_NAME_BYTES: Final = 4 * 1024  # as in Linux
MAX_HEADER_BYTES: Final = 16 * 1024  # that says something of the entry behind it
PIECE_BYTES: Final = 64 * 1024

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(_BLOCK)
# These have no content, whatever size their header states.
_BARE = (
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
)
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_ABOUT_NEXT = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, *_PAX)
_ABOUT_NO_FILE = (tarfile.XGLTYPE, b"V")  # what holds for all files, and GNU's name of a volume
_HOLES, _WHOLE_NAME, _WHOLE_SIZE = "holes", "whole name", "whole size"
_UNREAD = "unread"
_PAX_KEYS = {
    b"path": "path",
    b"linkpath": "linkpath",
    b"size": "size",
    b"GNU.sparse.name": _WHOLE_NAME,
    b"GNU.sparse.size": _WHOLE_SIZE,  # of format 0
    b"GNU.sparse.realsize": _WHOLE_SIZE,  # of format 1
}
_PAX_SPARSE = b"GNU.sparse"
# Where GNU's old format tells of a file with holes, in its header and in the blocks behind it.
_SPARSE_EXTENDED, _SPARSE_REAL_SIZE, _SPARSE_BLOCK_EXTENDED = 482, slice(483, 495), 504
_MAX_SPARSE_BLOCKS: Final = 10_000


class TarBroken(ValueError):
    """It is no tar, or none that anybody would make. The message goes on after "it"."""


class TooManyEntries(TarBroken):
    """It has more of them than its reader takes."""


class Stream(Protocol):
    """What a tar is read from. Bounds, and what its end means, are its to say."""

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""

    def read_or_end(self, size: int) -> bytes:
        """As ``read``, but nothing at the end: some tars have no mark of it."""

    def skip(self, size: int) -> None: ...


class Member:
    """One entry. Its content is to be read before the next one is asked for, or never."""

    __slots__ = ("_left", "_stream", "header", "is_plain", "path", "size", "target", "whole_size")

    def __init__(self, header: tarfile.TarInfo, records: dict[str, str], stream: Stream) -> None:
        self.header = header
        self.path = records.get(_WHOLE_NAME) or records.get("path") or header.name
        self.target = records.get("linkpath") or header.linkname
        self.size = 0 if header.type in _BARE else _number(records, "size", header.size)
        self.whole_size = _number(records, _WHOLE_SIZE, self.size)  # with its holes
        # Whether readers that know less of tar would see the same file.
        self.is_plain = not records.keys() & {_HOLES, _UNREAD, "size"}
        self._stream = stream
        self._left = _padded(self.size)

    def read(self) -> bytes:
        size, self._left = self._left, 0
        return self._stream.read(size)[: self.size]

    def pieces(self) -> Iterator[bytes]:
        """The content in parts of at most ``PIECE_BYTES``, instead of ``read``."""
        left = self.size
        while left > 0:
            piece = self._stream.read(min(left, PIECE_BYTES))
            left -= len(piece)
            self._left -= len(piece)
            yield piece

    def skip(self) -> None:
        """Pass over what of the content was not read."""
        size, self._left = self._left, 0
        self._stream.skip(size)


def members(stream: Stream, *, most: int) -> Iterator[Member]:
    """Every entry in its order. Raises ``TarBroken``, and what the stream raises.

    Args:
        most: how many there may be, else it raises ``TooManyEntries``.
    """
    records: dict[str, str] = {}
    count = 0
    while (block := stream.read_or_end(_BLOCK)) not in (_END, b""):
        header = _header(block)
        if header.type in _ABOUT_NEXT:
            records |= _records_of(header, stream)
            continue
        if header.type in _ABOUT_NO_FILE:
            stream.skip(_padded(header.size))
            continue
        if header.type == tarfile.GNUTYPE_SPARSE:
            records |= _records_of_sparse(block, stream)
        if count == most:
            raise TooManyEntries(f"has more than {most:,} entries")
        count += 1
        member = Member(header, records, stream)
        yield member
        member.skip()
        records = {}


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except (tarfile.HeaderError, ValueError) as error:
        raise TarBroken("is not a tar archive") from error
    if header.size < 0:
        raise TarBroken("states a size below zero")
    return header


def _number(records: dict[str, str], key: str, default: int) -> int:
    stated = records.get(key, "")
    if not stated:
        return default
    if not (stated.isascii() and stated.isdigit() and len(stated) < 19):
        raise TarBroken("states a size that is no number")
    return int(stated)


def _records_of(header: tarfile.TarInfo, stream: Stream) -> dict[str, str]:
    """What a header says of the entry behind it: a name, or the records of pax."""
    if header.size > MAX_HEADER_BYTES:
        if header.type not in _PAX:
            raise TarBroken("holds a name that is too long")
        stream.skip(_padded(header.size))  # records of security attributes may be long
        return {_UNREAD: "1"}
    content = stream.read(_padded(header.size))[: header.size]
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": _text(content)}
    if header.type == tarfile.GNUTYPE_LONGLINK:
        return {"linkpath": _text(content)}
    return _pax_records(content)


def _records_of_sparse(header: bytes, stream: Stream) -> dict[str, str]:
    """The whole size of a file with holes, past the map of its parts behind its header."""
    is_extended = header[_SPARSE_EXTENDED] != 0
    for _ in range(_MAX_SPARSE_BLOCKS):
        if not is_extended:
            return {_HOLES: "1", _WHOLE_SIZE: str(_whole(header[_SPARSE_REAL_SIZE]))}
        is_extended = stream.read(_BLOCK)[_SPARSE_BLOCK_EXTENDED] != 0
    raise TarBroken("holds a sparse file of too many parts")


def _whole(field: bytes) -> int:
    """A number as tar writes it: octal digits, or bytes behind a mark."""
    if field.startswith(b"\x80"):
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b" \x00") or b"0", 8)
    except ValueError as error:
        raise TarBroken("states a size that is no number") from error


def _pax_records(content: bytes) -> dict[str, str]:
    """The records of a pax header: ``LENGTH KEY=VALUE`` and a newline, one after the other."""
    records: dict[str, str] = {}
    while content:
        length, _, _ = content.partition(b" ")
        size = int(length) if length.isdigit() and len(length) < 8 else 0
        record = content[len(length) + 1 : size]
        if size > len(content) or not record.endswith(b"\n") or b"=" not in record:
            raise TarBroken("has a pax header that cannot be read")
        key, _, value = record[:-1].partition(b"=")
        if key.startswith(_PAX_SPARSE):
            records[_HOLES] = "1"
        if (name := _PAX_KEYS.get(key)) is not None:
            records[name] = _text(value)
        content = content[size:]
    return records


def _text(content: bytes) -> str:
    if len(content) > MAX_NAME_BYTES:
        raise TarBroken("holds a name that is too long")
    return decoded(content.rstrip(b"\x00"))


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK

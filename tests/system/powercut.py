"""A disk of which only what was synced is left: rebuilt from what a program asked the kernel for.

Bytes of a file count when the file was synced after them; a name counts when its folder was. A
real file system may keep more, in any order, and never promises to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TRACED = (
    "openat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,"
    "write,pwrite64,writev,pwritev,ftruncate,fallocate,fsync,fdatasync"
)
STRACE = ("strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "2000000", "-e", f"trace={TRACED}")

_LINE = re.compile(r"(?:(\d+)\s+)?(\w+)\((.*)\)\s+= (-?\d+)")
_UNFINISHED = re.compile(r"(?:(\d+)\s+)?(.*) <unfinished \.\.\.>")
_RESUMED = re.compile(r"(?:(\d+)\s+)?<\.\.\. \w+ resumed>(.*)")
_TEXT = re.compile(r'"([^"]*)"')  # all of it is hexadecimal
_FILE = re.compile(r"(?:AT_FDCWD|\d+)<([^>]*)>")


@dataclass(slots=True)
class File:
    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""

    def sync(self) -> None:
        self.synced = bytes(self.content)


@dataclass(slots=True)
class Folder:
    entries: "dict[str, File | Folder]" = field(default_factory=dict)
    synced: "dict[str, File | Folder]" = field(default_factory=dict)

    def sync(self) -> None:
        self.synced = {**self.entries}


class Disk:
    """What lies below ``root``: at first all that is there, all of it synced."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = _read(root)

    def leave(self, place: Path) -> None:
        """Write to ``place`` what is left after a power cut."""
        _write(self._top, place)

    def apply(self, call: str, arguments: str, result: int) -> None:
        """One call of the kernel that succeeded."""
        texts = [_bytes(text) for text in _TEXT.findall(arguments)]
        match call:
            case "openat":
                self._open(texts[0].decode(), arguments)
            case "mkdir" | "mkdirat":
                self._put(texts[0].decode(), Folder())
            case "rename" | "renameat" | "renameat2":
                if moved := self._take(texts[0].decode()):
                    self._put(texts[1].decode(), moved)
            case "unlink" | "unlinkat" | "rmdir":
                self._take(texts[0].decode(), within=_opened(arguments))
            case "fsync" | "fdatasync":
                if found := self._find(_opened(arguments)):
                    found.sync()
            case "pwrite64":
                position = int(arguments.rpartition(", ")[2])
                self._write(_opened(arguments), texts[0][:result], position)
            case "ftruncate":
                self._cut(_opened(arguments), int(arguments.rpartition(", ")[2]))
            case _:
                assert not self._find(_opened(arguments)), f"{call} is not understood"

    def _open(self, path: str, arguments: str) -> None:
        flags = arguments.rpartition('"')[2]
        found = self._find(path)
        if "O_CREAT" in flags and found is None:
            self._put(path, File())
        elif "O_TRUNC" in flags and isinstance(found, File):
            found.content.clear()

    def _write(self, path: str, content: bytes, position: int) -> None:
        found = self._find(path)
        if isinstance(found, File):
            if len(found.content) < position:
                found.content.extend(bytes(position - len(found.content)))
            found.content[position : position + len(content)] = content

    def _cut(self, path: str, length: int) -> None:
        found = self._find(path)
        if isinstance(found, File):
            del found.content[length:]
            found.content.extend(bytes(length - len(found.content)))

    def _names(self, path: str) -> tuple[str, ...] | None:
        place = Path(path)
        return place.relative_to(self._root).parts if place.is_relative_to(self._root) else None

    def _find(self, path: str) -> File | Folder | None:
        names = self._names(path)
        found: File | Folder | None = None if names is None else self._top
        for name in names or ():
            found = found.entries.get(name) if isinstance(found, Folder) else None
        return found

    def _put(self, path: str, what: File | Folder) -> None:
        folder = self._find(str(Path(path).parent))
        if isinstance(folder, Folder):
            folder.entries[Path(path).name] = what

    def _take(self, path: str, within: str = "") -> File | Folder | None:
        place = Path(within) / path
        folder = self._find(str(place.parent))
        return folder.entries.pop(place.name, None) if isinstance(folder, Folder) else None


def calls(log: Path) -> Iterator[tuple[str, str, int]]:
    """The calls of a log of ``STRACE`` that succeeded: name, arguments, result."""
    begun: dict[str, str] = {}
    with log.open() as lines:
        for line in lines:
            if part := _UNFINISHED.match(line):
                begun[part[1]] = part[2]
                continue
            if part := _RESUMED.match(line):
                whole = _LINE.match(begun.pop(part[1], "") + part[2])
            else:
                whole = _LINE.match(line)
            if whole and int(whole[4]) >= 0:
                yield whole[2], whole[3], int(whole[4])


def opened(arguments: str) -> str:
    """The path of the open file that is the first of a call's arguments."""
    return _opened(arguments)


def _opened(arguments: str) -> str:
    match = _FILE.match(arguments)
    return _bytes(match[1]).decode() if match else ""


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _read(place: Path) -> Folder:
    folder = Folder()
    for path in place.iterdir():
        if path.is_dir():
            folder.entries[path.name] = _read(path)
        elif path.is_file():
            content = path.read_bytes()
            folder.entries[path.name] = File(bytearray(content), content)
    folder.sync()
    return folder


def _write(folder: Folder, place: Path) -> None:
    place.mkdir()
    for name, what in folder.synced.items():
        if isinstance(what, Folder):
            _write(what, place / name)
        else:
            (place / name).write_bytes(what.synced)

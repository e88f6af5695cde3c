"""What is in files of a layer: their bytes as they stream by, and the beginnings of texts."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from artifacts.images.files import LayerFile, contents_of
from artifacts.images.tree import parts_of
from artifacts.images.unpacking import ListingEnds
from artifacts.oci.digest import Digest
from artifacts.text import clean, text_of
from registry.blobs.services import find_blob
from registry.repositories.models import Repository
from ui.files.listings import reading

MAX_TEXT_BYTES: Final = 512 * 1024
_MAX_HARD_LINKS: Final = 8
_MAX_ODD_BYTES: Final = 3  # of a character of UTF-8 that is cut through


@dataclass(frozen=True, slots=True)
class FileText:
    """The beginning of a file; ``problem`` is why it has no text, as a sentence."""

    text: str = ""
    is_cut: bool = False
    problem: str = ""


def find_file(files: Sequence[LayerFile], path: str, *, below_top: bool) -> int | None:
    """The index of the entry that has the content of the file at ``path``.

    Of several entries with one path the last counts, and hard links are followed.

    Args:
        below_top: ``path`` may leave out the first folder, which holds a chart.
    """
    for _ in range(_MAX_HARD_LINKS):
        number = _last(files, path, below_top=below_top)
        if number is None or files[number].is_whiteout:
            return None
        if files[number].kind != "hard link":
            return number if files[number].kind == "file" else None
        path, below_top = files[number].target.removeprefix("./"), False
    return None


def _last(files: Sequence[LayerFile], path: str, *, below_top: bool) -> int | None:
    numbers = range(len(files) - 1, -1, -1)
    last = next((number for number in numbers if files[number].path == path), None)
    if last is None and below_top:
        last = next((n for n in numbers if parts_of(files[n].path)[1:] == parts_of(path)), None)
    return last


def contents(
    repository: Repository, layer: Digest, numbers: Collection[int], now: datetime
) -> Generator[tuple[int, Iterator[bytes]]]:
    """As ``artifacts.images.files.contents_of``, of a layer that ``repository`` holds."""
    blob = find_blob(repository=repository, digest=layer, now=now)
    with reading(blob, now) as pieces:
        yield from contents_of(pieces, numbers)


def texts(
    repository: Repository,
    layer: Digest,
    files: Sequence[LayerFile],
    numbers: Collection[int],
    now: datetime,
) -> Mapping[int, FileText]:
    """The beginnings of files, by their indices in the list, in one walk through the layer."""
    if not numbers:
        return {}
    by_number: dict[int, FileText] = {}
    try:
        for number, pieces in contents(repository, layer, numbers, now):
            by_number[number] = _text(pieces, is_cut=files[number].size > MAX_TEXT_BYTES)
    except ListingEnds as reason:
        problem = f"Its layer could not be read that far, because {reason}."
        by_number |= {one: FileText(problem=problem) for one in numbers if one not in by_number}
    return by_number


def _text(pieces: Iterator[bytes], *, is_cut: bool) -> FileText:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= MAX_TEXT_BYTES:
            break
    content = bytes(buffer[:MAX_TEXT_BYTES])
    for left_out in range(_MAX_ODD_BYTES + 1 if is_cut else 1):
        with suppress(UnicodeDecodeError):
            text = text_of(content[: len(content) - left_out])
            if "\x00" not in text:
                return FileText(clean(text), is_cut)
            break
    return FileText(problem="This is a binary file.")

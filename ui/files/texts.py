"""One file of a layer: its text in lines, or its bytes to be saved."""

import posixpath
from collections.abc import Generator
from contextlib import ExitStack, closing, suppress
from functools import partial
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Final
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from artifacts.archives.tar import PIECE_BYTES
from artifacts.charts.chart import CONTENT_TYPES
from artifacts.images.files import LayerFile, content_of
from artifacts.images.tree import parts_of
from artifacts.images.unpacking import ListingEnds
from artifacts.oci.digest import Digest
from artifacts.text import clean, text_of
from registry.blobs.services import find_blob
from registry.blobs.transfers import Download
from registry.rows.connections import release_connection
from ui import errors
from ui.contents.downloads import OCTETS, download_headers
from ui.display.code import source
from ui.display.costly import costly
from ui.display.text import shown
from ui.files.layers import LayerBase
from ui.files.listings import listing_of, reading

MAX_TEXT_BYTES: Final = 512 * 1024
MAX_SAVED_BYTES: Final = 32 * 1024 * 1024  # unpacked to a temporary file before they leave
_MAX_IN_MEMORY_BYTES: Final = 1024 * 1024
_MAX_HARD_LINKS: Final = 8
_MAX_ODD_BYTES: Final = 3  # of a character of UTF-8 that is cut through
_MAX_SHOWN: Final = 500
_LANGUAGES: Final = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".tpl": "yaml",
    ".json": "json",
    ".lock": "yaml",
}


class FileBase(LayerBase):
    """A page about one file: ``path`` is how the archive calls it."""

    def found(self) -> tuple[LayerFile, int]:
        """The file, and at which index of the listing its content lies."""
        _, descriptor = self.layer()
        digest = Digest.parse(self.kwargs["blob"])
        files = listing_of(self.repository, digest, self.now).files
        path = self.request.GET.get("path", "")
        below_top = descriptor.media_type in CONTENT_TYPES
        for _ in range(_MAX_HARD_LINKS):
            number = _last(files, path, below_top=below_top)
            if number is None or files[number].kind != "hard link":
                break
            path, below_top = files[number].target.removeprefix("./"), False
        if number is None or files[number].kind != "file" or files[number].is_whiteout:
            raise Http404
        return files[number], number

    def content(self, number: int) -> Generator[bytes]:
        """Raises ``ListingEnds``, and what keeps the blob from being read."""
        digest = Digest.parse(self.kwargs["blob"])
        blob = find_blob(repository=self.repository, digest=digest, now=self.now)
        with reading(blob, self.now) as pieces:
            yield from content_of(pieces, number)


def _last(files: list[LayerFile], path: str, *, below_top: bool) -> int | None:
    """Of several entries with one path the last counts. A chart's own files may be asked for
    without the folder that holds the chart."""
    numbers = range(len(files) - 1, -1, -1)
    found = next((number for number in numbers if files[number].path == path), None)
    if found is None and below_top:
        found = next((n for n in numbers if parts_of(files[n].path)[1:] == parts_of(path)), None)
    return found


class FilePage(FileBase):
    template = "ui/files/file.html"

    def get(self, request: HttpRequest, repository: str, digest: str, blob: str) -> HttpResponse:
        with costly():
            file, number = self.found()
            text, problem = self._text(file, number)
            lines = source(text, _language(file.path)) if text is not None else None
        kwargs = {"repository": repository, "digest": digest, "blob": blob}
        folder = urlencode({"in": "/".join(parts_of(posixpath.dirname(file.path)))})
        raw = urlencode({"path": file.path})
        return self.render(
            status=HTTPStatus.OK,
            crumb=shown(posixpath.basename(file.path), 100),
            digest=digest,
            blob=blob,
            file=file,
            path=shown(file.path, _MAX_SHOWN),
            mode=f"{file.mode:04o}",
            source=lines,
            is_cut=lines is not None and (lines.is_cut or file.size > MAX_TEXT_BYTES),
            problem=problem,
            folder_url=f"{reverse('ui:layer', kwargs=kwargs)}?{folder}",
            raw_url=f"{reverse('ui:file_raw', kwargs=kwargs)}?{raw}"
            if file.size <= MAX_SAVED_BYTES
            else "",
        )

    def _text(self, file: LayerFile, number: int) -> tuple[str | None, str]:
        """The beginning of a file as text; ``None`` where it is none, and why."""
        kept = bytearray()
        try:
            with closing(self.content(number)) as pieces:
                for piece in pieces:
                    kept += piece
                    if len(kept) >= MAX_TEXT_BYTES:
                        break
        except ListingEnds as reason:
            return None, f"Its layer could not be read that far, because {reason}."
        text = _decoded(bytes(kept[:MAX_TEXT_BYTES]), is_cut=file.size > MAX_TEXT_BYTES)
        return text, "" if text is not None else "This is a binary file."


def _decoded(content: bytes, *, is_cut: bool) -> str | None:
    for left_out in range(_MAX_ODD_BYTES + 1 if is_cut else 1):
        with suppress(UnicodeDecodeError):
            text = text_of(content[: len(content) - left_out])
            return None if "\x00" in text else clean(text)
    return None


def _language(path: str) -> str:
    return _LANGUAGES.get(posixpath.splitext(path)[1].lower(), "text")


class FileDownload(FileBase):
    """The bytes of a file, which are never shown: they could be a page, and would be one of ours.

    They are unpacked before the first leaves, so that no slow client keeps an archive open.
    """

    def get(
        self, request: HttpRequest, repository: str, digest: str, blob: str
    ) -> HttpResponseBase:
        with costly(), ExitStack() as failing:
            file, number = self.found()
            if file.size > MAX_SAVED_BYTES:
                most = f"{MAX_SAVED_BYTES // 1024**2} MiB"
                advice = f"Files of more than {most} are not unpacked here. Download the layer."
                return errors.page(request, HTTPStatus.FORBIDDEN, "This file is large", advice)
            unpacked = failing.enter_context(SpooledTemporaryFile(max_size=_MAX_IN_MEMORY_BYTES))
            try:
                for piece in self.content(number):
                    unpacked.write(piece)
            except ListingEnds as reason:
                told = f"Its layer could not be read that far, because {reason}."
                status = HTTPStatus.UNPROCESSABLE_ENTITY
                return errors.page(request, status, "This file is not whole", told)
            size = unpacked.tell()
            unpacked.seek(0)
            content = _Saved(unpacked)
            failing.pop_all()
        release_connection()
        headers = {**download_headers(posixpath.basename(file.path)), "Content-Length": str(size)}
        return FileResponse(content, content_type=OCTETS, headers=headers)


class _Saved(Download):
    """A file that was unpacked, on its way to a client."""

    def __init__(self, file: SpooledTemporaryFile[bytes]) -> None:
        super().__init__(iter(partial(file.read, PIECE_BYTES), b""))
        self._file = file

    def close(self) -> None:
        super().close()
        self._file.close()

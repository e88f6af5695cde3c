"""One file of a layer: its text in lines, or its bytes to be saved."""

import posixpath
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Final
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from artifacts.archives.tar import PIECE_BYTES
from artifacts.charts.chart import CONTENT_TYPES
from artifacts.images.files import LayerFile
from artifacts.images.tree import parts_of
from artifacts.images.unpacking import ListingEnds
from artifacts.oci.digest import Digest
from registry.blobs.transfers import Download
from registry.rows.connections import release_connection
from ui import errors
from ui.contents.downloads import OCTETS, download_headers, saved
from ui.display.code import source
from ui.display.costly import costly
from ui.display.text import shown
from ui.files.contents import contents, find_file, texts
from ui.files.layers import LayerBase
from ui.files.listings import listing_of

MAX_SAVED_BYTES: Final = 32 * 1024 * 1024  # unpacked to a temporary file before they leave
_MAX_IN_MEMORY_BYTES: Final = 1024 * 1024
_MAX_SHOWN: Final = 500
_LANGUAGES: Final = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".tpl": "yaml",
    ".lock": "yaml",
    ".json": "json",
}


class FileBase(LayerBase):
    """A page about one file: ``path`` is how the archive calls it."""

    kind: str  # of the manifest

    def files_and_number(self) -> tuple[list[LayerFile], int]:
        """The files of the layer, and the index of the one that was asked for."""
        manifest, descriptor = self.layer()
        self.kind = manifest.kind
        files = listing_of(self.repository, self.blob, self.now).files
        below_top = descriptor.media_type in CONTENT_TYPES
        number = find_file(files, self.request.GET.get("path", ""), below_top=below_top)
        if number is None:
            raise Http404
        return files, number

    @property
    def blob(self) -> Digest:
        return Digest.parse(self.kwargs["blob"])


class FilePage(FileBase):
    template = "ui/files/file.html"

    def get(self, request: HttpRequest, repository: str, digest: str, blob: str) -> HttpResponse:
        with costly():
            files, number = self.files_and_number()
            file = files[number]
            file_text = texts(self.repository, self.blob, files, {number}, self.now)[number]
            lines = source(file_text.text, _language(file.path))
        kwargs = {"repository": repository, "digest": digest, "blob": blob}
        folder = urlencode({"in": "/".join(parts_of(posixpath.dirname(file.path)))})
        raw = urlencode({"path": file.path})
        return self.render(
            crumb=shown(posixpath.basename(file.path), 100),
            kind=self.kind,
            blob=blob,
            file=file,
            path=shown(file.path, _MAX_SHOWN),
            mode=f"{file.mode:04o}",
            source=lines,
            is_cut=lines.is_cut or file_text.is_cut,
            problem=file_text.problem,
            folder_url=f"{reverse('ui:layer', kwargs=kwargs)}?{folder}",
            raw_url=f"{reverse('ui:file_raw', kwargs=kwargs)}?{raw}"
            if file.size <= MAX_SAVED_BYTES
            else "",
        )


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
            files, number = self.files_and_number()
            file = files[number]
            if file.size > MAX_SAVED_BYTES:
                most = f"{MAX_SAVED_BYTES // 1024**2} MiB"
                advice = f"Files of more than {most} are not unpacked here. Download the layer."
                return errors.page(request, HTTPStatus.FORBIDDEN, "This file is large", advice)
            unpacked = failing.enter_context(SpooledTemporaryFile(max_size=_MAX_IN_MEMORY_BYTES))
            try:
                for _, pieces in contents(self.repository, self.blob, {number}, self.now):
                    unpacked.writelines(pieces)
            except ListingEnds as reason:
                sentence = f"Its layer could not be read that far, because {reason}."
                status = HTTPStatus.UNPROCESSABLE_ENTITY
                return errors.page(request, status, "This file is not whole", sentence)
            size, name = unpacked.tell(), posixpath.basename(file.path)
            unpacked.seek(0)
            if size <= _MAX_IN_MEMORY_BYTES:
                return saved(unpacked.read(), name)
            content = _Saved(unpacked)
            failing.pop_all()
        release_connection()
        headers = {**download_headers(name), "Content-Length": str(size)}
        return FileResponse(content, content_type=OCTETS, headers=headers)


class _Saved(Download):
    """A file that was unpacked, on its way to a client."""

    def __init__(self, file: SpooledTemporaryFile[bytes]) -> None:
        self._file = file
        super().__init__(iter(partial(file.read, PIECE_BYTES), b""))

    def close(self) -> None:
        super().close()
        self._file.close()

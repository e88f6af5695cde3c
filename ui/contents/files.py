"""The files of one layer, read from the store when somebody asks."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse

from artifacts.images.files import LayerFile, LayerFiles, list_files
from artifacts.oci.digest import Digest
from registry.blobs.services import find_blob, read_blob
from registry.blobs.transfers import Download
from ui.contents.blobs import find_descriptor
from ui.contents.manifest import ManifestBase, document_in
from ui.display.costly import costly
from ui.display.text import shown
from ui.forms import typed

MAX_PACKED_BYTES: Final = 512 * 1024 * 1024
FILES_PER_PAGE: Final = 500
MAX_FILTER_LENGTH: Final = 200
_MAX_PATH = 500


@dataclass(frozen=True, slots=True)
class FileRow:
    path: str
    kind: str
    size: int | None
    mode: str
    target: str
    removes: str


class LayerPage(ManifestBase):
    """Reading takes a thread as long as a download does, so it takes a place among them."""

    template = "ui/contents/files.html"

    def get(self, request: HttpRequest, repository: str, digest: str, blob: str) -> HttpResponse:
        manifest = self.manifest()
        document = document_in(manifest)
        descriptor = find_descriptor(document, blob) if document else None
        if descriptor is None:
            raise Http404
        listing, is_cut = self._listing(Digest.parse(blob))
        text = typed(request.GET, "q", most=MAX_FILTER_LENGTH)
        found = [one for one in listing.files if text.casefold() in one.path.casefold()]
        start = _start(request.GET.get("from", ""), len(found))
        end = start + FILES_PER_PAGE
        return self.render(
            status=HTTPStatus.OK,
            crumb="Files of a layer",
            kind=manifest.kind,
            digest=digest,
            layer=descriptor,
            rows=[_row(one) for one in found[start:end]],
            count=len(listing.files),
            found=len(found),
            unpacked=sum(one.size for one in listing.files),
            problem=_problem(listing, is_cut=is_cut),
            text=text,
            next_url=_url(text, end) if end < len(found) else "",
            first_url=_url(text, 0) if start else "",
        )

    def _listing(self, digest: Digest) -> tuple[LayerFiles, bool]:
        blob = find_blob(repository=self.repository, digest=digest, now=self.now)
        length = min(blob.size, MAX_PACKED_BYTES)
        pieces = Download(read_blob(blob=blob, start=0, length=length, now=self.now))
        try:
            with costly():
                return list_files(pieces), length < blob.size
        finally:
            pieces.close()


def _problem(listing: LayerFiles, *, is_cut: bool) -> str:
    reason = listing.problem
    if not reason and not is_cut:
        return ""
    if is_cut and reason in ("", "it is cut short"):
        reason = f"only its first {MAX_PACKED_BYTES // 1024**2} MiB are read"
    if not listing.files:
        return f"The files could not be read, because {reason}."
    return f"The list is not whole, because {reason}."


def _row(one: LayerFile) -> FileRow:
    return FileRow(
        path=shown(one.path, _MAX_PATH),
        kind=one.kind,
        size=one.size if one.kind == "file" else None,
        mode=f"{one.mode:04o}",
        target=shown(one.target, _MAX_PATH),
        removes=shown(one.removes, _MAX_PATH) if one.is_whiteout else "",
    )


def _start(text: str, count: int) -> int:
    asked = int(text) if text.isdecimal() and len(text) < 8 else 0
    return asked if asked < count else 0


def _url(text: str, start: int) -> str:
    return f"?{urlencode({'q': text, 'from': start})}"

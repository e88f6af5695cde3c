"""Files that a visitor saves. None is ever shown: it could be a page, and would be one of ours."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final

from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)

from artifacts.oci.digest import Digest
from registry.blobs.services import find_blob, link_to_blob, read_blob
from registry.blobs.transfers import download
from registry.charts.models import ChartVersion
from registry.verification.models import PublicKey
from registry.verification.pulls import Reader, SignatureRequired, admit_pull
from ui import errors
from ui.contents.blobs import download_name, find_descriptor
from ui.contents.manifest import ManifestBase, document_in
from ui.display.file_names import ascii_name, saved_as
from ui.pages import RepositoryPage

OCTETS: Final = "application/octet-stream"
_CHART_FILES: Final = {
    "values.yaml": "values",
    "values.schema.json": "schema",
}


class ManifestDownload(ManifestBase):
    """The manifest's exact bytes. To save them is to pull it, where signatures are required."""

    def get(self, request: HttpRequest, repository: str, digest: str) -> HttpResponse:
        manifest = self.manifest()
        reader = Reader(
            name=self.visitor.name, by_tag=False, may_push=lambda: "push" in self.rights
        )
        try:
            admit_pull(
                repository=self.repository, digest=manifest.digest, now=self.now, reader=reader
            )
        except SignatureRequired as error:
            reason = self._sentence(error.reason)
            return errors.page(request, HTTPStatus.FORBIDDEN, "This is not signed", reason)
        name = f"{self.repository.path.rpartition('/')[2]}-{digest.partition(':')[2][:12]}.json"
        return saved(bytes(manifest.body), name)


class BlobDownload(ManifestBase):
    """A blob that the manifest names, under the name that the manifest gives it."""

    def get(
        self, request: HttpRequest, repository: str, digest: str, blob: str
    ) -> HttpResponseBase:
        document = document_in(self.manifest())
        descriptor = find_descriptor(document, blob) if document else None
        if descriptor is None:
            raise Http404
        row = find_blob(repository=self.repository, digest=Digest.parse(blob), now=self.now)
        if (url := link_to_blob(blob=row, now=self.now)) is not None:
            return HttpResponseRedirect(url, headers={"Cache-Control": "no-store"})
        pieces = read_blob(blob=row, start=0, length=row.size, now=self.now)
        headers = {**download_headers(download_name(descriptor)), "Content-Length": str(row.size)}
        content: Iterator[bytes] = download(pieces, row.size)
        return FileResponse(content, content_type=OCTETS, headers=headers)


class ChartFileDownload(ManifestBase):
    """A text of a chart, as it was read when the chart was pushed."""

    def get(self, request: HttpRequest, repository: str, digest: str, file: str) -> HttpResponse:
        rows = ChartVersion.objects.filter(manifest=self.manifest().id)
        if file in _CHART_FILES:
            text = rows.values_list(_CHART_FILES[file], flat=True).first()
        else:
            text = rows.filter(readme_name=file).values_list("readme", flat=True).first()
        if not text:
            raise Http404
        return saved(text.encode(), file)


class KeyDownload(RepositoryPage):
    """A public key that signatures of this repository are checked with."""

    def get(self, request: HttpRequest, repository: str, fingerprint: str) -> HttpResponse:
        keys = PublicKey.objects.filter(namespace=self.repository.namespace_id)
        key = keys.filter(fingerprint=fingerprint).first()
        if key is None:
            raise Http404
        return saved(key.pem.encode(), f"{ascii_name(key.name, 'cosign')}.pub")


def saved(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=OCTETS, headers=download_headers(name))


def download_headers(name: str) -> Mapping[str, str]:
    return {
        "Content-Disposition": saved_as(name),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }

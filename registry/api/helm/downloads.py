"""``GET /helm/<organization>/charts/<repository>/<name>-<version>.tgz``, and its ``.prov``."""

from django.http import FileResponse, HttpResponse
from rest_framework import status
from rest_framework.request import Request

from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.names import MAX_NAME_LENGTH, Reference, is_name
from registry.access.rights import rights_in
from registry.api.helm.base import HelmView
from registry.api.http.conditions import content_headers, is_held
from registry.blobs.services import find_blob, read_blob
from registry.blobs.transfers import download
from registry.charts.models import ChartVersion
from registry.exchange.pulls import ask_for_manifest, pull_manifest
from registry.repositories.models import Repository

_PROVENANCE = ".prov"


class DownloadView(HelmView):
    """The archive of one chart, or the file with its signature."""

    def get(
        self, request: Request, organization: str, path: str, file_name: str
    ) -> HttpResponse | FileResponse:
        repository = self._repository(f"{organization}/{path}")
        digest = self._admitted(repository, file_name)
        blob = find_blob(repository=repository, digest=digest, now=self.now)
        headers = content_headers(blob.digest)
        if is_held(request.headers, blob.digest):
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        is_provenance = file_name.endswith(_PROVENANCE)
        content_type = "text/plain; charset=utf-8" if is_provenance else "application/gzip"
        headers["Content-Length"] = str(blob.size)
        if request.method == "HEAD":
            return HttpResponse(content_type=content_type, headers=headers)
        pieces = download(read_blob(blob=blob, start=0, length=blob.size, now=self.now), blob.size)
        return FileResponse(pieces, content_type=content_type, headers=headers)

    head = get

    def _repository(self, path: str) -> Repository:
        if not is_name(path):
            raise self.hidden(f"repository {path[:MAX_NAME_LENGTH]!r}")
        repository = Repository.objects.at_path(path)
        rights = rights_in(principal=self.principal, path=path, repository=repository)
        if repository is None or "pull" not in rights:
            self.note_refusal(path, repository)
            raise self.hidden(f"repository {path}")
        return repository

    def _admitted(self, repository: Repository, file_name: str) -> Digest:
        """The file's digest. To fetch it is to pull its chart, with all that a pull is held to."""
        archive = file_name.removesuffix(_PROVENANCE)
        charts = ChartVersion.objects.available(self.now).filter(repository=repository.id)
        columns = ("content_digest", "provenance_digest", "manifest__digest")
        chart = charts.select_related("manifest").only(*columns).file(archive)
        digest = chart and (
            chart.content_digest if archive == file_name else chart.provenance_digest
        )
        if chart is None or not digest:
            raise ManifestUnknown(f"{repository.path} has no {file_name}")
        reference = Reference.parse(chart.manifest.digest)
        if self.request.method == "HEAD":
            ask_for_manifest(repository=repository, reference=reference, now=self.now)
            return Digest.parse(digest)
        pull_manifest(
            repository=repository,
            reference=reference,
            with_body=False,
            is_counted=archive == file_name,  # the proof comes beside it
            now=self.now,
        )
        return Digest.parse(digest)

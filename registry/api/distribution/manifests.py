"""Manifests: end-3, end-7, end-9."""

from django.conf import settings
from django.http import HttpResponse
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.digest import AlgorithmUnsupported
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestInvalid, ManifestUnknown
from artifacts.oci.names import Reference, parse_tag
from registry.api.distribution.base import RepositoryView
from registry.api.distribution.conditions import condition_of, content_headers, is_held
from registry.manifests.deletion import delete_manifest
from registry.manifests.reads import resolve_manifest
from registry.manifests.services import push_manifest
from registry.tags.services import delete_tag


class ManifestView(RepositoryView):
    """One manifest, by tag or digest."""

    actions = {"GET": "pull", "HEAD": "pull", "PUT": "push", "DELETE": "delete"}
    creates = frozenset({"PUT"})

    def get(self, request: Request, name: str, reference: str) -> HttpResponse:
        manifest = resolve_manifest(
            repository=self.repository,
            reference=_reference_to_read(reference),
            with_body=request.method == "GET",
            now=self.now,
        )
        headers = content_headers(manifest.digest)
        if is_held(request, manifest.digest):
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        headers["Content-Length"] = str(manifest.size)
        return HttpResponse(manifest.body, content_type=manifest.media_type, headers=headers)

    head = get

    def put(self, request: Request, name: str, reference: str) -> Response:
        target = Reference.parse(reference)
        tags = [parse_tag(tag) for tag in request.query_params.getlist("tag")]
        body = self.body.read_manifest(settings.MAXIMUM_MANIFEST_BYTES)
        content_type = request.META.get("CONTENT_TYPE", "")
        manifest = push_manifest(
            repository=self.repository,
            reference=target,
            tags=tags,
            document=ManifestDocument.parse(body, content_type),
            body=body,
            condition=condition_of(request),
            now=self.now,
        )
        headers = {
            "Location": f"/v2/{name}/manifests/{manifest.digest}",
            "Docker-Content-Digest": manifest.digest,
        }
        if manifest.subject_digest:
            headers["OCI-Subject"] = manifest.subject_digest
        if tags:
            headers["OCI-Tag"] = ", ".join(dict.fromkeys(tags))
        return Response(status=status.HTTP_201_CREATED, headers=headers)

    def delete(self, request: Request, name: str, reference: str) -> Response:
        target = _reference_to_read(reference)
        if target.digest:
            delete_manifest(repository=self.repository, digest=target.digest, now=self.now)
        else:
            delete_tag(repository=self.repository, name=str(target.tag), now=self.now)
        return Response(status=status.HTTP_202_ACCEPTED)


def _reference_to_read(text: str) -> Reference:
    """What cannot be a tag, or a digest of ours, cannot be found either: 404 (end-3)."""
    try:
        return Reference.parse(text)
    except (ManifestInvalid, AlgorithmUnsupported) as error:
        raise ManifestUnknown(error.reason) from error

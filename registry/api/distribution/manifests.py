"""Manifests: end-3, end-7, end-9."""

from collections.abc import Sequence

from django.conf import settings
from django.http import HttpResponseBase
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.names import Reference, parse_tag
from registry.api.distribution.base import RepositoryView
from registry.api.distribution.reads import (
    fitting,
    manifest_answer,
    reference_to_read,
    warning_header,
)
from registry.api.http.conditions import condition_of
from registry.exchange.pushes import push_manifest
from registry.manifests.drafts import Draft
from registry.manifests.removal import delete_manifest
from registry.tags.services import delete_tag

MAX_TAGS = 100  # of one push; it has the only writer of SQLite until all are written


class TagInvalid(ManifestInvalid):
    code = "TAG_INVALID"


class ManifestView(RepositoryView):
    """One manifest, by tag or digest."""

    actions = {"GET": "pull", "HEAD": "pull", "PUT": "push", "DELETE": "delete"}
    creates = frozenset({"PUT"})

    def get(self, request: Request, name: str, reference: str) -> HttpResponseBase:
        return self.answered(manifest_answer(self.read(name), reference))

    head = get

    def put(self, request: Request, name: str, reference: str) -> Response:
        target = Reference.parse(reference)
        tags = _tags(request.query_params.getlist("tag"))
        body = self.body.read_manifest(settings.BERTH.maximum_manifest_bytes)
        document = ManifestDocument.parse(body, request.META.get("CONTENT_TYPE", ""))
        draft = Draft(self.repository, target, body, document, tags, condition_of(request.headers))
        pushed = push_manifest(draft, now=self.now, by=self.caller.actor)
        manifest = pushed.manifest
        headers = {
            "Location": f"/v2/{name}/manifests/{manifest.digest}",
            "Docker-Content-Digest": manifest.digest,
        }
        if manifest.subject_digest and settings.BERTH.FEATURE_REFERRERS_API:
            headers["OCI-Subject"] = manifest.subject_digest
        if tags:
            headers["OCI-Tag"] = ", ".join(fitting(dict.fromkeys(tags)))
        headers |= warning_header(pushed.warnings)
        return Response(status=status.HTTP_201_CREATED, headers=headers)

    def delete(self, request: Request, name: str, reference: str) -> Response:
        target = reference_to_read(reference)
        by = self.caller.actor
        if target.digest:
            delete_manifest(repository=self.repository, digest=target.digest, now=self.now, by=by)
        else:
            delete_tag(repository=self.repository, name=str(target.tag), now=self.now, by=by)
        return Response(status=status.HTTP_202_ACCEPTED)


def _tags(texts: Sequence[str]) -> list[str]:
    """The ``tag`` parameters of a push, which has all of them in one transaction."""
    if len(texts) > MAX_TAGS:
        raise TagInvalid(f"a push may name at most {MAX_TAGS} tags, not {len(texts)}")
    return [parse_tag(text) for text in texts]

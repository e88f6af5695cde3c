"""Manifests: end-3, end-7, end-9."""

from collections.abc import Iterable, Iterator, Sequence

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
from registry.api.docker_v1.conversion import as_taken
from registry.api.http.conditions import condition_of, content_headers, is_held
from registry.exchange.pulls import ask_for_manifest, pull_manifest
from registry.exchange.pushes import push_manifest
from registry.manifests.drafts import Draft
from registry.manifests.removal import delete_manifest
from registry.tags.services import delete_tag

MAX_TAGS = 100  # of one push; it has the only writer of SQLite until all are written
_MAX_HEADER_LENGTH = 3072  # of the 4 KiB that proxies have for all headers of an answer


class TagInvalid(ManifestInvalid):
    code = "TAG_INVALID"


class ManifestView(RepositoryView):
    """One manifest, by tag or digest."""

    actions = {"GET": "pull", "HEAD": "pull", "PUT": "push", "DELETE": "delete"}
    creates = frozenset({"PUT"})

    def get(self, request: Request, name: str, reference: str) -> HttpResponse:
        target = _reference_to_read(reference)
        answer = pull_manifest if request.method == "GET" else ask_for_manifest
        pulled = answer(
            repository=self.repository, reference=target, caller=self.caller, now=self.now
        )
        manifest = pulled.manifest
        if target.tag:
            manifest = as_taken(
                request.headers,
                repository=self.repository,
                manifest=manifest,
                name=name,
                tag=target.tag,
                now=self.now,
            )
        headers = content_headers(manifest.digest) | _warnings(pulled.warnings)
        if is_held(request.headers, manifest.digest):
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        headers["Content-Length"] = str(manifest.size)
        return HttpResponse(manifest.body, content_type=manifest.media_type, headers=headers)

    head = get

    def put(self, request: Request, name: str, reference: str) -> Response:
        target = Reference.parse(reference)
        tags = _tags(request.query_params.getlist("tag"))
        body = self.body.read_manifest(settings.MAXIMUM_MANIFEST_BYTES)
        document = ManifestDocument.parse(body, request.META.get("CONTENT_TYPE", ""))
        draft = Draft(self.repository, target, body, document, tags, condition_of(request.headers))
        pushed = push_manifest(draft, now=self.now, by=self.caller.actor)
        manifest = pushed.manifest
        headers = {
            "Location": f"/v2/{name}/manifests/{manifest.digest}",
            "Docker-Content-Digest": manifest.digest,
        }
        if manifest.subject_digest and settings.FEATURE_REFERRERS_API:
            headers["OCI-Subject"] = manifest.subject_digest
        if tags:
            headers["OCI-Tag"] = ", ".join(_fitting(dict.fromkeys(tags)))
        headers |= _warnings(pushed.warnings)
        return Response(status=status.HTTP_201_CREATED, headers=headers)

    def delete(self, request: Request, name: str, reference: str) -> Response:
        target = _reference_to_read(reference)
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


def _fitting(parts: Iterable[str]) -> Iterator[str]:
    """As many as a header may hold: proxies refuse answers with longer ones.

    A client takes a tag that is not named for one that was not pushed, and pushes it again.
    """
    room = _MAX_HEADER_LENGTH
    for part in parts:
        room -= len(part) + 2
        if room < 0:
            return
        yield part


def _warnings(texts: Sequence[str]) -> dict[str, str]:
    return {"Warning": ", ".join(_fitting(map(_warning, texts)))} if texts else {}


def _warning(text: str) -> str:
    """A value of ``Warning`` that clients show: distribution-spec 1.1, "Warnings"."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'


def _reference_to_read(text: str) -> Reference:
    """What cannot be a tag, or a digest of ours, cannot be found either: 404 (end-3)."""
    try:
        return Reference.parse(text)
    except (ManifestInvalid, AlgorithmUnsupported) as error:
        raise ManifestUnknown(error.reason) from error

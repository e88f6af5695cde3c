"""A manifest with its layers, its labels, and how often it was pulled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.images.config import (
    MAX_CONFIG_BYTES,
    ConfigUnreadable,
    HistoryEntry,
    ImageConfig,
)
from artifacts.kinds.kinds import IMAGE_CONFIGS
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import BlobUnknown, ManifestInvalid
from artifacts.oci.media_types import INDEXES
from artifacts.oci.names import Reference, parse_tag
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import NotFound, RepositoryView
from registry.api.management.bodies import Body, Choice, Text
from registry.api.management.documents import written_date
from registry.blobs.services import find_blob, read_blob
from registry.manifests import labels
from registry.manifests.models import Manifest, ManifestLabel
from registry.manifests.reads import ResolvedManifest, resolve_manifest
from registry.repositories.models import Repository
from registry.statistics.reads import NEVER_PULLED, all_pulls

_MOST_LABELS = 500


class _ManifestView(RepositoryView):
    def manifest(self, digest: str, *, with_body: bool) -> ResolvedManifest:
        return resolve_manifest(
            repository=self.repository,
            reference=Reference.parse(digest),
            with_body=with_body,
            now=self.now,
        )


class ManifestView(_ManifestView):
    def get(self, request: Request, name: str, digest: str) -> Response:
        manifest = self.manifest(digest, with_body=True)
        try:
            document = ManifestDocument.parse(manifest.body, manifest.media_type)
        except ManifestInvalid:  # stored under older, laxer rules
            document = None
        layers = document.layers if document else ()
        history = self._history(document) if document and layers else ()
        return Response(
            {
                "digest": manifest.digest,
                "is_manifest_list": manifest.media_type in INDEXES,
                "manifest_data": manifest.body.decode("utf-8", "replace"),
                "config_media_type": document.config_media_type or None if document else None,
                "layers_compressed_size": sum(max(layer.size, 0) for layer in layers),
                "layers": _layers(layers, history) if layers else None,
            }
        )

    def _history(self, document: ManifestDocument) -> Sequence[HistoryEntry]:
        """What the image's config tells of its layers: none where it cannot be read, or tells of
        others."""
        try:
            config = _config(document, repository=self.repository, now=self.now)
        except (BlobUnknown, ConfigUnreadable):
            return ()
        steps = [entry for entry in config.history if not entry.is_empty] if config else []
        return steps if len(steps) == len(document.layers) else ()


class NewLabel(Body):
    key = Text(max_length=255)
    value = Text(max_length=labels.MAX_VALUE_LENGTH, allow_blank=True)
    media_type = Choice(labels.MEDIA_TYPES, required=False)


class _LabelsView(_ManifestView):
    def row(self, digest: str) -> Manifest:
        manifest = self.manifest(digest, with_body=False)
        row = Manifest.objects.filter(pk=manifest.id).defer("body").first()
        if row is None:
            raise NotFound(f"there is no manifest {digest[:255]}")
        return row

    def labels(self, row: Manifest) -> list[dict[str, Any]]:
        """Those that the image's config has, which are part of what was pushed, and those that
        were put on it."""
        pushed = sorted(row.labels.items())[:_MOST_LABELS]
        own = row.own_labels.order_by("key", "pk")
        return [
            *(_label(row.digest, *pair) for pair in pushed),
            *(_own_label(label) for label in own),
        ]


class LabelsView(_LabelsView):
    bodies = {"POST": NewLabel}

    def get(self, request: Request, name: str, digest: str) -> Response:
        begins = request.query_params.get("filter", "")
        documents = self.labels(self.row(digest))
        return Response(
            {"labels": [label for label in documents if label["key"].startswith(begins)]}
        )

    def post(self, request: Request, name: str, digest: str) -> Response:
        fields = self.read()
        label = labels.add_label(
            repository=self.repository, manifest=self.row(digest), **fields, **self.change
        )
        response = Response({"label": _own_label(label)}, status=201)
        place = reverse(
            "management:label", kwargs={"name": self.path, "digest": digest, "label": label.uuid}
        )
        response.headers["Location"] = place
        return response


class LabelView(_LabelsView):
    def get(self, request: Request, name: str, digest: str, label: str) -> Response:
        for document in self.labels(self.row(digest)):
            if document["id"] == label:
                return Response(document)
        raise _no_label(label)

    def delete(self, request: Request, name: str, digest: str, label: str) -> Response:
        row = self.row(digest)
        for own in row.own_labels.all():
            if str(own.uuid) == label:
                labels.delete_label(
                    repository=self.repository, manifest=row, label=own, **self.change
                )
                return Response(status=204)
        if any(document["id"] == label for document in self.labels(row)):
            raise RequestInvalid("this label is part of the image, and goes with it alone")
        raise _no_label(label)


class PullsView(_ManifestView):
    """How often a digest was pulled, by itself and by its tags."""

    def get(self, request: Request, name: str, digest: str) -> Response:
        manifest = self.manifest(digest, with_body=False)
        return Response(_pulls_of(self.repository, manifest.digest))


class TagPullsView(_ManifestView):
    def get(self, request: Request, name: str, tag: str) -> Response:
        manifest = resolve_manifest(
            repository=self.repository,
            reference=Reference.parse(parse_tag(tag)),
            with_body=False,
            now=self.now,
        )
        pulls = all_pulls(self.repository, [tag]).get(tag, NEVER_PULLED)
        of_digest = _pulls_of(self.repository, manifest.digest)
        return Response(
            {
                "tag_name": tag,
                "tag_pull_count": pulls.times,
                "last_tag_pull_date": written_date(pulls.last_at),
                "current_manifest_digest": of_digest.pop("manifest_digest"),
                **of_digest,
            }
        )


def _config(
    document: ManifestDocument, *, repository: Repository, now: datetime
) -> ImageConfig | None:
    """Raises ``BlobUnknown`` and ``ConfigUnreadable``."""
    if document.inline_config is not None:
        return ImageConfig.of(document.inline_config)
    if document.config is None or document.config_media_type not in IMAGE_CONFIGS:
        return None
    blob = find_blob(repository=repository, digest=document.config.digest, now=now)
    if blob.size > MAX_CONFIG_BYTES:
        return None
    content = b"".join(read_blob(blob=blob, start=0, length=blob.size, now=now))
    return ImageConfig.parse(content)


def _layers(layers: Sequence[Descriptor], history: Sequence[HistoryEntry]) -> list[dict[str, Any]]:
    shown = []
    for index, layer in enumerate(layers):
        entry = history[index] if history else None
        shown.append(
            {
                "index": index,
                "compressed_size": layer.size,
                "is_remote": False,
                "urls": None,
                "command": [entry.created_by] if entry and entry.created_by else None,
                "comment": entry.comment or None if entry else None,
                "author": entry.author or None if entry else None,
                "blob_digest": str(layer.digest),
                "created_datetime": _moment(entry.created) if entry else None,
            }
        )
    return shown


def _moment(text: str) -> str | None:
    try:
        return written_date(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _pulls_of(repository: Repository, digest: str) -> dict[str, Any]:
    pulls = all_pulls(repository, [digest]).get(digest, NEVER_PULLED)
    return {
        "manifest_digest": digest,
        "manifest_pull_count": pulls.times,
        "last_manifest_pull_date": written_date(pulls.last_at),
    }


def _no_label(label: str) -> NotFound:
    return NotFound(f"there is no label {label[:64]}")


def _own_label(label: ManifestLabel) -> dict[str, Any]:
    return {
        "id": str(label.uuid),
        "key": label.key,
        "value": label.value,
        "source_type": "api",
        "media_type": label.media_type,
    }


def _label(digest: str, key: str, value: str) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, f"{digest}#{key}")),
        "key": key,
        "value": value,
        "source_type": "manifest",
        "media_type": "text/plain",
    }

"""A manifest with its layers, and the labels of its image."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

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
from artifacts.oci.names import Reference
from registry.api.management.base import NotFound, RepositoryView
from registry.api.management.documents import written_date
from registry.blobs.services import find_blob, read_blob
from registry.manifests.models import Manifest
from registry.manifests.reads import ResolvedManifest, resolve_manifest
from registry.repositories.models import Repository

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
        found = self.manifest(digest, with_body=True)
        try:
            document = ManifestDocument.parse(found.body, found.media_type)
        except ManifestInvalid:  # stored under older, laxer rules
            document = None
        layers = document.layers if document else ()
        history = self._history(document) if document and layers else ()
        return Response(
            {
                "digest": found.digest,
                "is_manifest_list": found.media_type in INDEXES,
                "manifest_data": found.body.decode("utf-8", "replace"),
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


class _LabelsView(_ManifestView):
    def labels(self, digest: str) -> list[dict[str, Any]]:
        """Those that the image's config has: they are part of what was pushed."""
        found = self.manifest(digest, with_body=False)
        row = Manifest.objects.filter(pk=found.id).defer("body").first()
        labels: Mapping[str, str] = row.labels if row else {}
        return [_label(found.digest, *pair) for pair in sorted(labels.items())[:_MOST_LABELS]]


class LabelsView(_LabelsView):
    def get(self, request: Request, name: str, digest: str) -> Response:
        begins = request.query_params.get("filter", "")
        labels = [label for label in self.labels(digest) if label["key"].startswith(begins)]
        return Response({"labels": labels})


class LabelView(_LabelsView):
    def get(self, request: Request, name: str, digest: str, label: str) -> Response:
        for found in self.labels(digest):
            if found["id"] == label:
                return Response(found)
        raise NotFound(f"there is no label {label[:64]}")


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


def _label(digest: str, key: str, value: str) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, f"{digest}#{key}")),
        "key": key,
        "value": value,
        "source_type": "manifest",
        "media_type": "text/plain",
    }

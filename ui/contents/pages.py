"""One tag, or one digest: what it is, and all that is known about it."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from artifacts.oci.documents import ManifestDocument
from registry.manifests.models import Manifest
from registry.tags.history import why_no_tag
from registry.tags.models import Tag
from ui.contents.address import Address
from ui.contents.attached import attached_part
from ui.contents.base import ManifestBase, document_in
from ui.contents.kinds import kind_part
from ui.contents.neighbours import neighbours_of
from ui.contents.source import json_source
from ui.contents.text import pairs, shown

MAX_SUMMARY_LENGTH: Final = 300
_DESCRIPTION: Final = "org.opencontainers.image.description"
_SHORT_DIGEST: Final = len("sha256:") + 12


class ContentPage(ManifestBase):
    """Shows a manifest. Of what is in the store only configs and documents are read, and of
    those a bounded part."""

    template = "ui/contents/content.html"

    def show(self, manifest: Manifest, tag: Tag | None = None) -> HttpResponse:
        document = document_in(manifest)
        address = Address.of(
            self.request,
            path=self.repository.path,
            digest=manifest.digest,
            tag=tag.name if tag else "",
            login="" if self.repository.is_public else self.visitor.name or "USERNAME",
        )
        near = neighbours_of(self.repository, manifest, tag, self.now)
        attached = attached_part(self.repository, manifest, address, near, self.now)
        content = kind_part(self, manifest, document, address, near)
        context = {**self._facts(manifest, document, tag, address), **attached, **content}
        context["near"] = near
        context["sections"] = _sections(context)
        return self.render(**context)

    def _facts(
        self,
        manifest: Manifest,
        document: ManifestDocument | None,
        tag: Tag | None,
        address: Address,
    ) -> dict[str, Any]:
        return {
            "manifest": manifest,
            "document": document,
            "tag": tag,
            "superseded": self.superseded,
            "kind": manifest.kind,
            "crumb": tag.name if tag else manifest.digest[:_SHORT_DIGEST],
            "crumb_sign": ":" if tag else "@",
            "summary": shown(manifest.annotations.get(_DESCRIPTION, ""), MAX_SUMMARY_LENGTH),
            "head_actions": "ui/contents/head_actions.html",
            "address": address,
            "annotations": pairs(manifest.annotations),
            "manifest_source": json_source(bytes(manifest.body)),
        }


class TagPage(ContentPage):
    def get(self, request: HttpRequest, repository: str, tag: str) -> HttpResponse:
        rows = Tag.objects.alive(self.now).filter(repository=self.repository.id, name=tag)
        found = rows.filter(manifest__deleted_at=None).select_related("manifest").first()
        if found is None:
            reason = why_no_tag(repository=self.repository, name=tag, now=self.now)
            return self.gone(reason, tag=tag)
        return self.show(found.manifest, found)


class ManifestPage(ContentPage):
    def get(self, request: HttpRequest, repository: str, digest: str) -> HttpResponse:
        return self.show(self.manifest())


def _sections(context: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The entries of the navigation within the page: anchor, title, icon."""
    chart, image = context.get("chart"), context.get("image")
    documents = context.get("documents")
    candidates = (
        ("readme", "Readme", "book-open", chart and chart.readme),
        ("values", "values.yaml", "file-code", chart and chart.values),
        ("platforms", "Platforms", "layers-2", context.get("platforms")),
        ("config", "Config", "settings-2", image),
        ("steps", "Build steps", "hammer", image and image.steps),
        ("documents", "Documents", "files", documents and documents.rows),
        ("components", "Components", "list-tree", documents and documents.components),
        ("statements", "Statement", "scroll-text", documents and documents.statements),
        ("signatures", "Signatures", "badge-check", True),
        ("attached", "Attached", "network", True),
        ("layers", "Layers", "layers", context.get("blobs")),
        ("templates", "Templates", "files", chart and chart.templates),
        ("manifest", "Manifest", "braces", True),
    )
    return [(anchor, title, icon) for anchor, title, icon, is_here in candidates if is_here]

"""One tag, or one digest: what it is, and all that is known about it."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from artifacts.charts.versions import sort_key
from artifacts.kinds.kinds import IMAGE_CONFIGS, Kind, name_of
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import INDEXES
from registry.manifests.models import Manifest
from registry.manifests.sizes import content_size
from registry.statistics.reads import pulls_of_references
from registry.tags.history import why_no_tag
from registry.tags.models import Tag
from ui.commands.address import Address, Registry
from ui.commands.cosign import sign
from ui.commands.pull import Traits, groups_for, preferring
from ui.contents.blobs import TITLE, blobs_of
from ui.contents.charts import ChartView, chart_of
from ui.contents.documents import document_of
from ui.contents.images import (
    ImageView,
    PlatformChoice,
    Platforms,
    choices_in,
    image_of,
    platforms_of,
)
from ui.contents.manifest import ManifestBase, document_in
from ui.contents.neighbours import Neighbours, attached_part, neighbours_of
from ui.context import TOOL_COOKIE
from ui.display.code import json_source
from ui.display.text import pairs, shown
from ui.pages import RepositoryPage
from ui.people import actors_of
from ui.repository_rows import DAYS_OF_PULLS

MAX_SUMMARY_LENGTH: Final = 300
_DESCRIPTION: Final = "org.opencontainers.image.description"
_SHORT_DIGEST: Final = len("sha256:") + 12
_OLLAMA = "application/vnd.ollama.image."


class ContentPage(ManifestBase):
    """Shows a manifest. Of what is in the store only configs and documents are read, and of
    those a bounded part."""

    template = "ui/contents/content.html"

    def show(self, manifest: Manifest, tag: Tag | None = None) -> HttpResponse:
        document = document_in(manifest)
        address = Address(
            Registry.of(self.request),
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
        tool = self.request.COOKIES.get(TOOL_COOKIE, "")
        context["groups"] = preferring(tool, context["groups"])
        context["index"], context["platform_choices"] = self._platforms(manifest, context)
        context["is_proved"] = bool(context["signatures"] or near.verdicts)
        context["has_attached"] = _has_attached(context, near)
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
            "sign_command": sign(address.registry, address.by_digest),
            **self._history(manifest, tag),
        }

    def _platforms(
        self, manifest: Manifest, context: dict[str, Any]
    ) -> tuple[str, list[PlatformChoice]]:
        """The index that this is, or the newest that lists it, and what one can choose of it."""
        platforms: Platforms | None = context.get("platforms")
        if platforms:
            return manifest.digest, platforms.choices
        parents = context["near"].parents if manifest.kind == Kind.IMAGE else ()
        return (parents[0], choices_in(self.repository, parents[0])) if parents else ("", [])

    def _history(self, manifest: Manifest, tag: Tag | None) -> dict[str, Any]:
        """Who pushed it, for those who may push, and how often it was pulled."""
        reference = tag.name if tag else manifest.digest
        traffic = pulls_of_references(
            self.repository, [reference], days=DAYS_OF_PULLS, now=self.now
        )
        pushed_by = ""
        if tag and "push" in self.given_rights:
            moment = (tag.name, tag.started_at)
            pushed_by = actors_of(self.repository, [moment]).get(moment, "")
        return {"traffic": traffic[reference], "pushed_by": pushed_by}


class TagPage(ContentPage):
    def get(self, request: HttpRequest, repository: str, tag: str) -> HttpResponse:
        rows = Tag.objects.alive(self.now).filter(repository=self.repository.id, name=tag)
        row = rows.filter(manifest__deleted_at=None).select_related("manifest").first()
        if row is None:
            reason = why_no_tag(repository=self.repository, name=tag, now=self.now)
            return self.gone(reason, tag=tag)
        return self.show(row.manifest, row)


class ManifestPage(ContentPage):
    def get(self, request: HttpRequest, repository: str, digest: str) -> HttpResponse:
        return self.show(self.manifest())


def _has_attached(context: dict[str, Any], near: Neighbours) -> bool:
    """Whether there is more to say of what is attached than that it is nothing."""
    platforms: Platforms | None = context.get("platforms")
    listed = context["listed_count"] or (platforms and platforms.attestations)
    return bool(context["referrers"] or near.subject or listed)


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
        ("signatures", "Signatures", "badge-check", context["is_proved"]),
        ("attached", "Attached", "network", context["has_attached"]),
        ("layers", "Layers", "layers", context.get("blobs")),
        ("templates", "Templates", "files", chart and chart.templates),
        ("manifest", "Manifest", "braces", True),
    )
    return [(anchor, title, icon) for anchor, title, icon, is_here in candidates if is_here]


def kind_part(
    page: RepositoryPage,
    manifest: Manifest,
    document: ManifestDocument | None,
    address: Address,
    near: Neighbours,
) -> dict[str, Any]:
    if document is None:
        return {
            "size": content_size(manifest.id),
            "groups": groups_for(manifest.kind, address, Traits()),
        }
    part = {**_part(page, manifest, document), "size": content_size(manifest.id)}
    chart: ChartView | None = part.get("chart")
    platforms: Platforms | None = part.get("platforms")
    image: ImageView | None = part.get("image")
    titled = sum(TITLE in layer.annotations for layer in document.layers)
    traits = Traits(
        config_type=document.config_media_type,
        chart_name=chart.row.name if chart else "",
        chart_tag=_chart_tag(chart, address, near) if manifest.kind == Kind.HELM_CHART else "",
        os=platforms.os if platforms else (image.platform.partition("/")[0] if image else ""),
        holds_images=platforms.holds_images if platforms else True,
        titled=titled,
        untitled=len(document.layers) - titled,
        is_for_ollama=any(layer.media_type.startswith(_OLLAMA) for layer in document.layers),
    )
    part["groups"] = groups_for(manifest.kind, address, traits)
    part["kind_name"] = name_of(document) if manifest.kind == Kind.ARTIFACT else ""
    return part


def _part(page: RepositoryPage, manifest: Manifest, document: ManifestDocument) -> dict[str, Any]:
    repository, now = page.repository, page.now
    if document.media_type in INDEXES:
        return {"platforms": platforms_of(repository, document)}
    part: dict[str, Any] = {"blobs": blobs_of(repository.path, manifest.digest, document)}
    if manifest.kind == Kind.HELM_CHART:
        chart = chart_of(repository, manifest, now)
        summary = shown(chart.row.description, MAX_SUMMARY_LENGTH) if chart else ""
        return {**part, "chart": chart, **({"summary": summary} if summary else {})}
    if manifest.kind == Kind.IMAGE or (
        manifest.kind == Kind.WASM and document.config_media_type in IMAGE_CONFIGS
    ):
        part["image"] = image_of(repository, document, now)
    if manifest.kind != Kind.IMAGE:
        query = page.request.GET
        part["documents"] = document_of(repository, manifest.kind, document, query, now)
    return part


def _chart_tag(chart: ChartView | None, address: Address, near: Neighbours) -> str:
    """The tag by which Helm finds the chart: the version's own, where that leads here."""
    if chart is not None and chart.row.version:
        wanted = chart.row.version.replace("+", "_")
        return wanted if wanted in {address.tag, *near.tags} else ""
    version = address.tag.replace("_", "+")
    return address.tag if sort_key(version) is not None else ""

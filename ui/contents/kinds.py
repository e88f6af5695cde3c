"""The part of a page that depends on the kind of what it shows."""

from typing import Any

from artifacts.charts.versions import sort_key
from artifacts.kinds.kinds import IMAGE_CONFIGS, Kind
from artifacts.kinds.names import name_of
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import INDEXES
from registry.manifests.models import Manifest
from registry.manifests.sizes import content_sizes
from ui.contents.address import Address
from ui.contents.blobs import TITLE, blobs_of
from ui.contents.charts import ChartView, chart_of
from ui.contents.commands import Traits, groups_for
from ui.contents.documents import document_of
from ui.contents.images import ImageView, Platforms, image_of, platforms_of
from ui.contents.neighbours import Neighbours
from ui.contents.text import shown
from ui.pages import RepositoryPage

MAX_SUMMARY_LENGTH = 300
_OLLAMA = "application/vnd.ollama.image."


def kind_part(
    page: RepositoryPage,
    manifest: Manifest,
    document: ManifestDocument | None,
    address: Address,
    near: Neighbours,
) -> dict[str, Any]:
    if document is None:
        return {"size": manifest.size, "groups": groups_for(manifest.kind, address, Traits())}
    part = _part(page, manifest, document)
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
        platforms = platforms_of(repository, document)
        return {"platforms": platforms, "size": content_sizes([manifest.id])[manifest.id]}
    blobs = blobs_of(repository.path, manifest.digest, document)
    size = blobs.size + manifest.size
    if document.schema1:
        size = content_sizes([manifest.id])[manifest.id]
    part: dict[str, Any] = {"blobs": blobs, "size": size}
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

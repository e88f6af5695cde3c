"""What a list shows of each tag, in as many queries for fifty as for one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from artifacts.images.references import is_about
from artifacts.kinds.kinds import Kind
from artifacts.oci.descriptors import platform_name
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.expiry import ExpirySource
from artifacts.oci.media_types import ANY_MANIFESTS, INDEXES
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest
from registry.manifests.sizes import content_sizes
from registry.repositories.models import Repository
from registry.statistics.reads import Traffic, pulls_of_references
from registry.tags.models import Tag
from registry.verification.reads import Overview, overview_of
from ui.display.text import shown
from ui.people import actors_of

TRAFFIC_DAYS = 14
MAX_PLATFORMS = 20
MAX_INDEX_BYTES = 64 * 1024  # of an index whose platforms are listed
_SOON = timedelta(days=2)
_SOURCES: Mapping[str, str] = {
    ExpirySource.ANNOTATION: "by an annotation",
    ExpirySource.LABEL: "by a label",
    ExpirySource.IMAGES: "by the labels of its images",
    ExpirySource.PERSON: "set by hand",
}


@dataclass(frozen=True, slots=True)
class Platform:
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class TagRow:
    tag: Tag
    attached: Overview
    size: int
    app_version: str
    platforms: Sequence[Platform]
    traffic: Traffic
    pushed_by: str
    is_latest: bool
    expires_soon: bool

    @property
    def expiry_source(self) -> str:
        return _SOURCES.get(self.tag.expiry_source, "")

    @property
    def is_index(self) -> bool:
        return self.tag.manifest.media_type in INDEXES


def tag_rows(
    repository: Repository, tags: Sequence[Tag], *, with_actors: bool, now: datetime
) -> list[TagRow]:
    """``tags`` with their manifests selected."""
    digests = {tag.manifest.digest for tag in tags}
    overviews = overview_of(repository, digests, now=now)
    sizes = content_sizes(sorted({tag.manifest_id for tag in tags}))
    charts = _app_versions(tags)
    platforms = _platforms(tags)
    traffic = pulls_of_references(
        repository, [tag.name for tag in tags], days=TRAFFIC_DAYS, now=now
    )
    moments = [(tag.name, tag.started_at) for tag in tags]
    actors = actors_of(repository, moments) if with_actors else {}
    latest = _latest(repository, now)
    return [
        TagRow(
            tag=tag,
            attached=overviews[tag.manifest.digest],
            size=sizes.get(tag.manifest_id, 0),
            app_version=charts.get(tag.manifest_id, ""),
            platforms=platforms.get(tag.manifest_id, ()),
            traffic=traffic[tag.name],
            pushed_by=actors.get((tag.name, tag.started_at), ""),
            is_latest=tag.manifest_id == latest and tag.name != "latest",
            expires_soon=tag.expires_at is not None and tag.expires_at <= now + _SOON,
        )
        for tag in tags
    ]


def platforms_of(document: ManifestDocument) -> list[Platform]:
    """The images of an index; blobs, and what BuildKit puts beside images, are no platforms."""
    images = (
        entry
        for entry in document.manifests
        if entry.media_type in ANY_MANIFESTS and not is_about(entry)
    )
    return [
        Platform(shown(platform_name(entry.platform), 100) or "any platform", str(entry.digest))
        for entry in images
    ]


def _app_versions(tags: Iterable[Tag]) -> Mapping[int, str]:
    charts = {tag.manifest_id for tag in tags if tag.manifest.kind == Kind.HELM_CHART}
    rows = (
        ChartVersion.objects.filter(manifest__in=charts) if charts else ChartVersion.objects.none()
    )
    return dict(rows.values_list("manifest", "app_version"))


def _platforms(tags: Iterable[Tag]) -> Mapping[int, Sequence[Platform]]:
    indexes = {tag.manifest_id for tag in tags if tag.manifest.media_type in INDEXES}
    small = Manifest.objects.filter(pk__in=indexes, size__lte=MAX_INDEX_BYTES)
    rows = small.only("body", "media_type") if indexes else ()
    return {index.pk: _listed(index) for index in rows}


def _listed(index: Manifest) -> Sequence[Platform]:
    try:
        return platforms_of(index.document)[:MAX_PLATFORMS]
    except ManifestInvalid:  # stored under older, laxer rules
        return ()


def _latest(repository: Repository, now: datetime) -> int | None:
    """What is meant by the latest: of charts the highest release, else where ``latest`` points."""
    alive = Tag.objects.alive(at=now).filter(repository=repository.id).companions(False)
    if repository.kind == Kind.HELM_CHART:
        tags = alive.filter(sort_key__endswith="~").order_by("-sort_key", "-name")
    else:
        tags = alive.filter(name="latest")
    return tags.values_list("manifest", flat=True).first()

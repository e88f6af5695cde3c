"""What a page shows of a Helm chart: rows alone, the store is not asked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from artifacts.charts.versions import sort_key
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from ui.display.code import Source, source
from ui.display.prose import is_cut, prose
from ui.display.text import Pair, Pairs, pairs, shown, web_link

MAX_VERSIONS = 20
MAX_LOOKED_AT = 60
_VERSION_COLUMNS = (
    "name",
    "version",
    "app_version",
    "is_deprecated",
    "manifest__digest",
    "manifest__pushed_at",
    "manifest__deleted_at",
)
MAX_SHOWN = 100
_MAX_CONDITIONS = 20
_LICENCE = ("artifacthub.io/license", "org.opencontainers.image.licenses", "license", "licenses")


@dataclass(frozen=True, slots=True)
class Dependency:
    """``conditions`` are paths in the values; ``locked`` is the version of Chart.lock, and
    ``is_packed`` says that the archive holds the chart itself."""

    name: str
    alias: str
    version: str
    locked: str
    repository: str
    url: str
    conditions: Sequence[str]
    tags: Sequence[str]
    is_packed: bool


@dataclass(frozen=True, slots=True)
class OtherVersion:
    version: str
    app_version: str
    is_deprecated: bool
    pushed_at: datetime
    url: str


def unread(chart: ChartVersion | None, path: str) -> str:
    """Why a file of a chart cannot be shown or compared, as a sentence; else nothing."""
    if chart is None:
        return "The chart is still being looked into: reload this page in a moment."
    return chart.problem_of(path)


@dataclass(frozen=True, slots=True)
class ChartView:
    row: ChartVersion
    facts: Sequence[Pair]
    annotations: Pairs
    links: Sequence[tuple[str, Sequence[Pair]]]
    keywords: Sequence[str]
    readme: SafeString | Source
    is_readme_plain: bool
    is_readme_cut: bool
    values: Source | None
    schema: Source | None
    dependencies: Sequence[Dependency]
    dependencies_left_out: int
    subcharts: Sequence[str]  # those that no dependency names
    templates: Sequence[str]
    templates_left_out: int
    problems: Sequence[str]
    versions: Sequence[OtherVersion]


def chart_of(repository: Repository, manifest: Manifest, now: datetime) -> ChartView | None:
    """``None`` while nobody has looked into it yet.

    Helm copies the chart's annotations to the manifest, so only those that differ are shown.
    """
    row = ChartVersion.objects.filter(manifest=manifest.id).first()
    if row is None:
        return None
    metadata = row.metadata
    templates = [shown(name, 500) for name in row.templates]
    dependencies, lock, packed = row.dependencies, row.lock, row.subcharts
    is_plain = row.readme_name.lower().endswith(".txt")
    return ChartView(
        row=row,
        facts=_facts(row, metadata),
        annotations=pairs(
            dict(metadata.get("annotations", {}).items() - manifest.annotations.items())
        ),
        links=[
            (title, links)
            for title, links in (
                ("Home", _links([metadata.get("home", "")])),
                ("Icon", _links([metadata.get("icon", "")])),
                ("Sources", _links(metadata.get("sources", []))),
                ("Maintainers", _maintainers(metadata.get("maintainers", []))),
            )
            if links
        ],
        keywords=[shown(word, 60) for word in metadata.get("keywords", [])[:30]],
        readme=source(row.readme, "text") if is_plain else prose(row.readme, top_heading=3),
        is_readme_plain=is_plain,
        is_readme_cut=not is_plain and is_cut(row.readme),
        values=source(row.values, "yaml") if row.values else None,
        schema=source(row.schema, "json") if row.schema else None,
        dependencies=[_dependency(one, lock, packed) for one in dependencies[:MAX_SHOWN]],
        dependencies_left_out=max(0, len(dependencies) - MAX_SHOWN),
        subcharts=[shown(name, 250) for name in packed if not _is_named(name, dependencies)],
        templates=templates[:MAX_SHOWN],
        templates_left_out=max(0, len(templates) - MAX_SHOWN),
        problems=[shown(line, 500) for line in row.problems.splitlines()],
        versions=_versions(repository, row, now),
    )


def _facts(row: ChartVersion, metadata: Mapping[str, Any]) -> list[Pair]:
    annotations = metadata.get("annotations", {})
    licence = next((annotations[key] for key in _LICENCE if annotations.get(key)), "")
    kind = metadata.get("type", "")
    facts = (
        ("Version", row.version),
        ("App version", row.app_version),
        ("API version", " · ".join(filter(None, (row.api_version, kind)))),
        ("Kubernetes", metadata.get("kubeVersion", "")),
        ("Licence", licence),
    )
    return [Pair(name, shown(text, 200)) for name, text in facts if text]


def _links(texts: Sequence[str]) -> list[Pair]:
    return [
        Pair("", shown(text.removeprefix("https://"), 200), web_link(text))
        for text in texts[:20]
        if text
    ]


def _maintainers(people: Sequence[Mapping[str, str]]) -> list[Pair]:
    return [
        Pair("", shown(one.get("name") or one.get("email", ""), 200), web_link(one.get("url", "")))
        for one in people[:20]
    ]


def _dependency(
    entry: Mapping[str, Any], lock: Sequence[Mapping[str, Any]], packed: Sequence[str]
) -> Dependency:
    name, repository, version = (entry.get(key, "") for key in ("name", "repository", "version"))
    locked = next((one.get("version", "") for one in lock if one.get("name") == name), "")
    conditions = (path.strip() for path in entry.get("condition", "").split(","))
    return Dependency(
        name=shown(name, 250),
        alias=shown(entry.get("alias", ""), 250),
        version=shown(version, 100),
        locked=shown(locked, 100) if locked != version else "",
        repository=shown(repository, 300),
        url=web_link(repository),
        conditions=[shown(path, 200) for path in conditions if path][:_MAX_CONDITIONS],
        tags=[shown(tag, 100) for tag in entry.get("tags", []) if tag][:_MAX_CONDITIONS],
        is_packed=any(_is_named(one, [entry]) for one in packed),
    )


def _is_named(packed: str, dependencies: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what lies below charts/ belongs to one of them: NAME, or NAME-VERSION.tgz."""
    names = (one.get("name", "") for one in dependencies)
    return any(
        packed == name
        or (
            packed.startswith(f"{name}-")
            and sort_key(packed[len(name) + 1 :].removesuffix(".tgz")) is not None
        )
        for name in names
        if name
    )


def _versions(repository: Repository, row: ChartVersion, now: datetime) -> list[OtherVersion]:
    """The newest of those that a tag leads to. Two plain queries take less than one that has
    to join as ``ChartVersion.objects.available`` does."""
    if not row.name:
        return []
    rows = list(
        ChartVersion.objects.filter(
            namespace=repository.namespace_id, repository=repository.id, name=row.name
        )
        .exclude(pk=row.pk)
        .select_related("manifest")
        .only(*_VERSION_COLUMNS)
        .newest_first()[:MAX_LOOKED_AT]
    )
    alive = Tag.objects.alive(now).filter(manifest__in=[other.manifest_id for other in rows])
    tags: dict[int, set[str]] = {}
    for manifest, name in alive.values_list("manifest", "name"):
        tags.setdefault(manifest, set()).add(name)
    return [
        OtherVersion(
            version=other.version,
            app_version=shown(other.app_version, 100),
            is_deprecated=other.is_deprecated,
            pushed_at=other.manifest.pushed_at,
            url=_url(repository, other, tags[other.manifest_id]),
        )
        for other in rows
        if other.manifest_id in tags and other.manifest.deleted_at is None
    ][:MAX_VERSIONS]


def _url(repository: Repository, other: ChartVersion, tags: Collection[str]) -> str:
    tag = other.version.replace("+", "_")
    if tag in tags:
        return reverse("ui:tag", kwargs={"repository": repository.path, "tag": tag})
    digest = other.manifest.digest
    return reverse("ui:manifest", kwargs={"repository": repository.path, "digest": digest})

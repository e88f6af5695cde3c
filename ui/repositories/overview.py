"""The first page of a repository: what it is, how to get it, how to push to it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from artifacts.kinds.kinds import Kind
from registry.charts.models import ChartVersion
from registry.manifests.sizes import content_size
from registry.statistics.reads import Traffic, pulls_by_day
from registry.tags.models import Tag
from ui.commands.address import Address, Registry
from ui.commands.pull import Group, Traits, groups_for, preferring
from ui.commands.push import into_repository
from ui.contents.charts import unread
from ui.contents.tag_rows import TagRow, tag_rows
from ui.context import TOOL_COOKIE
from ui.display.prose import prose
from ui.pages import RepositoryPage
from ui.repositories.about import about
from ui.repository_rows import DAYS_OF_PULLS, living_tags, summary_of

MOST_LATEST = 5
_BELOW_THEIR_TITLE = 3


class OverviewPage(RepositoryPage):
    template = "ui/repositories/overview.html"
    tab = "overview"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self.render(
            **self._about(), **(self._filled(self._tag) if self._tag else self._bare())
        )

    def _about(self) -> dict[str, Any]:
        words = self.repository.description
        return {
            "kind": self.repository.kind,
            "summary": summary_of(words) or (self._chart.description if self._chart else ""),
            "description": prose(words, top_heading=_BELOW_THEIR_TITLE),
            "traffic": self._traffic(),
            "is_starred": self._is_starred(),
        }

    def _is_starred(self) -> bool:
        return self.user is not None and self.user.stars.filter(repository=self.repository).exists()

    def _filled(self, tag: Tag) -> dict[str, Any]:
        readme = self._chart.readme if self._chart else ""
        latest = self._latest()
        return {
            "tag": tag,
            "about": about(self.repository, tag, now=self.now),
            "latest": latest,
            "address": f"{Registry.of(self.request).host}/{self.repository.path}",
            "pushers": sorted({row.pushed_by for row in latest} - {""}),
            "tags": living_tags(self.repository, self.now, companions=False),
            "companions": living_tags(self.repository, self.now, companions=True),
            "size": content_size(tag.manifest_id),
            "groups": self._pulls(tag),
            "chart": self._chart,
            "readme": prose(readme, top_heading=_BELOW_THEIR_TITLE),
            "unread": self._unread(tag),
        }

    def _latest(self) -> list[TagRow]:
        """The tags that moved last, as the list of tags shows them."""
        alive = Tag.objects.alive(self.now).filter(repository=self.repository)
        newest = alive.companions(False).order_by("-started_at", "-name").select_related("manifest")
        tags = newest.defer("manifest__body", "manifest__annotations_json", "manifest__labels_json")
        might_push = "push" in self.given_rights
        return tag_rows(
            self.repository, list(tags[:MOST_LATEST]), with_actors=might_push, now=self.now
        )

    def _unread(self, tag: Tag) -> str:
        """Why the README of a chart is not shown, where it is not for lack of one."""
        if tag.manifest.kind != Kind.HELM_CHART:
            return ""
        last: ChartVersion | None = getattr(tag.manifest, "chart", None)
        chart = self._chart or last
        return unread(chart, chart.readme_name if chart and chart.readme_name else "README")

    def _bare(self) -> dict[str, Any]:
        return {"tools": into_repository(Registry.of(self.request), self.repository.path)}

    def _traffic(self) -> Traffic:
        days = pulls_by_day([self.repository], days=DAYS_OF_PULLS, now=self.now)
        return days[self.repository.pk]

    @cached_property
    def _tag(self) -> Tag | None:
        """The one that moved last, signatures and the like aside."""
        tags = Tag.objects.alive(self.now).companions(False).filter(repository=self.repository)
        newest = tags.order_by("-started_at", "-name").select_related("manifest__chart")
        return newest.defer("manifest__body", *_BIG_COLUMNS).first()

    @cached_property
    def _chart(self) -> ChartVersion | None:
        """The newest version of the chart that was pushed last, if Helm loads any."""
        if self._tag is None or self.repository.kind != Kind.HELM_CHART:
            return None
        last: ChartVersion | None = getattr(self._tag.manifest, "chart", None)
        if last is None or not last.name:
            return None
        charts = ChartVersion.objects.available(self.now).filter(
            namespace=self.repository.namespace_id, name=last.name, repository=self.repository
        )
        newest = charts.newest_first().select_related("manifest").defer("manifest__body").first()
        return newest or last  # which Helm refuses

    def _pulls(self, tag: Tag) -> list[Group]:
        """Of the newest version for a chart, of the newest tag for everything else."""
        chart = self._chart
        name, digest, version = tag.name, tag.manifest.digest, ""
        if chart is not None:
            digest = chart.manifest.digest
            is_tagged = getattr(chart, "is_tagged", False)
            name = version = chart.version.replace("+", "_") if is_tagged else ""
        address = Address(Registry.of(self.request), self.repository.path, digest, name)
        traits = Traits(
            config_type=tag.manifest.config_media_type,
            chart_name=chart.name if chart else "",
            chart_tag=version,
        )
        groups = groups_for(tag.manifest.kind, address, traits)
        return preferring(self.request.COOKIES.get(TOOL_COOKIE, ""), groups)


_BIG_COLUMNS = [
    f"manifest__chart__{name}"
    for name in ("readme", "values", "schema", "metadata_json", "templates_json")
]

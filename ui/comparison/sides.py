"""The two that are compared, by tag or by digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from artifacts.kinds.kinds import Kind
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import OCIError
from artifacts.oci.names import Reference
from artifacts.oci.strict_json import MAX_SHOWN_VALUES, values_in
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest
from registry.manifests.reads import ResolvedManifest, resolve_manifest
from registry.manifests.sizes import content_size
from ui.contents.manifest import ReadingPage
from ui.display.costly import SMALL_BYTES, place_for
from ui.pages import reason_of
from ui.tags.pages import TagsPage
from ui.tags.tag_list import suggested_tags

MAX_SUGGESTED: Final = 100
_MAX_LENGTH = 300
_WITH_FILES = (Kind.IMAGE, Kind.INDEX, Kind.HELM_CHART)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: what was asked for, and what was found."""

    text: str
    manifest: Manifest
    document: ManifestDocument
    chart: ChartVersion | None
    size: int


class ComparisonBase(ReadingPage, TagsPage):
    """A page about two manifests of one repository: ``a`` and ``b`` in its address name them."""

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        texts = [request.GET.get(name, "").strip()[:_MAX_LENGTH] for name in ("a", "b")]
        problems: list[str] = []
        resolved = [(text, self._resolved(text, problems)) for text in texts if text]
        manifests = [(text, one) for text, one in resolved if one is not None]
        with place_for(sum(len(one.body) for _, one in manifests), SMALL_BYTES):
            sides = [self._side(text, one, problems) for text, one in manifests]
            both = [side for side in sides if side is not None]
            about = self._both(*both) if len(both) == 2 else {}
        suggested = suggested_tags(self.repository, "", most=MAX_SUGGESTED, now=self.now)
        return self.render(texts=texts, problems=problems, suggested=suggested, **about)

    def about(self, a: Side, b: Side) -> dict[str, Any]:
        """What the page shows of the two."""
        raise NotImplementedError

    def file_url(self, query: Mapping[str, str], path: str) -> str:
        """The page on how one file changed. ``query`` names the two."""
        page = reverse("ui:compare_file", kwargs={"repository": self.repository.path})
        return f"{page}?{urlencode({**query, 'path': path})}"

    def _both(self, a: Side, b: Side) -> dict[str, Any]:
        return {
            "a": a,
            "b": b,
            "query": urlencode({"a": a.text, "b": b.text}),
            "lasting_query": urlencode({"a": a.manifest.digest, "b": b.manifest.digest}),
            "is_same": a.manifest.pk == b.manifest.pk,
            "have_files": a.manifest.kind == b.manifest.kind and a.manifest.kind in _WITH_FILES,
            **self.about(a, b),
        }

    def _resolved(self, text: str, problems: list[str]) -> ResolvedManifest | None:
        try:
            return resolve_manifest(
                repository=self.repository,
                reference=Reference.parse(text),
                with_body=True,
                now=self.now,
            )
        except OCIError as error:
            problems.append(reason_of(error))
            return None

    def _side(self, text: str, resolved: ResolvedManifest, problems: list[str]) -> Side | None:
        if values_in(resolved.body) > MAX_SHOWN_VALUES:
            problems.append(f"{text} is made of too many parts to be compared here.")
            return None
        try:
            document = resolved.document()
        except OCIError as error:
            problems.append(reason_of(error))
            return None
        manifest = Manifest.objects.defer("body").filter(pk=resolved.id).first()
        if manifest is None:
            problems.append(f"{text} was deleted just now.")
            return None
        chart = None
        if manifest.kind == Kind.HELM_CHART:
            chart = ChartVersion.objects.filter(manifest=manifest).first()
        return Side(text, manifest, document, chart, content_size(manifest.id))

    def context(self) -> dict[str, object]:
        return {**super().context(), "crumb": "Compare"}

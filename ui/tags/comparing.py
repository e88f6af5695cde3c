"""Compare two tags or digests of a repository."""

from functools import partial

from django.http import HttpRequest, HttpResponse

from artifacts.kinds.kinds import Kind
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import OCIError
from artifacts.oci.names import Reference
from artifacts.oci.strict_json import MAX_SHOWN_VALUES, values_in
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest
from registry.manifests.reads import resolve_manifest
from registry.manifests.sizes import content_sizes
from registry.tags.models import Tag
from ui.pages import reason_of
from ui.tags.comparison import Side, layers, tables, values
from ui.tags.pages import TagsPage

MAX_SUGGESTED = 100
_MAX_LENGTH = 300


class ComparePage(TagsPage):
    template = "ui/tags/compare.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        texts = [request.GET.get(name, "").strip()[:_MAX_LENGTH] for name in ("a", "b")]
        problems: list[str] = []
        sides = [self._side(text, problems) for text in texts if text]
        asked = partial(self.render, texts=texts, problems=problems, suggested=self._suggested())
        found = [side for side in sides if side is not None]
        if len(found) < 2:
            return asked()
        a, b = found
        return asked(
            a=a,
            b=b,
            is_same=a.manifest.pk == b.manifest.pk,
            tables=tables(self.repository, a, b, self.now),
            layers=layers(a, b),
            values=values(a, b),
        )

    def _side(self, text: str, problems: list[str]) -> Side | None:
        try:
            found = resolve_manifest(
                repository=self.repository,
                reference=Reference.parse(text),
                with_body=True,
                now=self.now,
            )
            if values_in(found.body) > MAX_SHOWN_VALUES:
                problems.append(f"{text} is made of too many parts to be compared here.")
                return None
            document = ManifestDocument.parse(found.body, found.media_type)
        except OCIError as error:
            problems.append(reason_of(error))
            return None
        manifest = Manifest.objects.defer("body").filter(pk=found.id).first()
        if manifest is None:
            problems.append(f"{text} was deleted just now.")
            return None
        chart = None
        if manifest.kind == Kind.HELM_CHART:
            chart = ChartVersion.objects.filter(manifest=manifest).first()
        size = content_sizes([manifest.id]).get(manifest.id, 0)
        return Side(text, manifest, document, chart, size)

    def _suggested(self) -> list[str]:
        alive = Tag.objects.alive(at=self.now).filter(repository=self.repository.id)
        newest = alive.companions(False).order_by("-started_at", "-name")
        return list(newest.values_list("name", flat=True)[:MAX_SUGGESTED])

    def context(self) -> dict[str, object]:
        return {**super().context(), "crumb": "Compare"}

"""The tags of a repository, narrowed and in the order that was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.cache import patch_vary_headers

from artifacts.kinds.kinds import Kind
from artifacts.oci.names import MAX_TAG_LENGTH
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag, TagQuerySet
from ui.paging import page_of
from ui.tags.changes import offered
from ui.tags.pages import TagsPage
from ui.tags.rows import tag_rows

ORDERS: Final[Mapping[str, Sequence[str]]] = {
    "newest": ("-started_at", "-name"),
    "version": ("-sort_key", "-name"),
    "name": ("name",),
    "expiry": ("expires_at", "name"),
}
SORTS: Final = (
    ("newest", "Newest first"),
    ("version", "Version, newest first"),
    ("name", "Name"),
)
_MIN_DIGITS = 6  # of a digest without its algorithm
_MAX_MANIFESTS = 200
_MAX_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Filters:
    """``text`` is part of a name or the beginning of a digest."""

    text: str
    is_expiring: bool
    is_companion: bool
    sort: str

    @classmethod
    def of(cls, query: QueryDict, repository: Repository) -> Self:
        usual = "version" if repository.kind == Kind.HELM_CHART else "newest"
        sort = query.get("sort", "")
        return cls(
            text=query.get("q", "").replace("\x00", "").strip()[:_MAX_LENGTH],
            is_expiring=query.get("expiry") == "expiring",
            is_companion=query.get("show") == "companions",
            sort=sort if sort in dict(SORTS) else usual,
        )

    @property
    def order(self) -> Sequence[str]:
        """Whatever expires is listed by when it does, so that the next ones come first."""
        return ORDERS["expiry" if self.is_expiring else self.sort]

    @property
    def are_set(self) -> bool:
        return bool(self.text) or self.is_expiring

    def chosen(self, tags: TagQuerySet, repository: Repository) -> TagQuerySet:
        tags = tags.companions(self.is_companion)
        if self.is_expiring:
            tags = tags.filter(expires_at__isnull=False)
        return tags.filter(self._matches(repository)) if self.text else tags

    def _matches(self, repository: Repository) -> Q:
        matches = Q()
        if ":" not in self.text and len(self.text) <= MAX_TAG_LENGTH:
            matches = Q(name__icontains=self.text)
        if (start := _start_of_a_digest(self.text)) is None:
            return matches or Q(pk__in=[])
        found = Manifest.objects.filter(
            repository=repository.id, digest__gte=start, digest__lt=f"{start}g"
        )
        # Two steps: in one statement, databases would read all tags for either half of an "or".
        ids = list(found.order_by("digest").values_list("pk", flat=True)[:_MAX_MANIFESTS])
        return matches | Q(manifest__in=ids) if matches else Q(manifest__in=ids)


def _start_of_a_digest(text: str) -> str | None:
    """``sha256:…`` as it is; hexadecimal digits alone are sha256's."""
    algorithm, colon, digits = text.lower().rpartition(":")
    if set(digits) - set("0123456789abcdef") or (not colon and len(digits) < _MIN_DIGITS):
        return None
    return f"{algorithm or 'sha256'}:{digits}"


class TagListPage(TagsPage):
    template = "ui/tags/list.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        filters = Filters.of(request.GET, self.repository)
        alive = Tag.objects.alive(at=self.now).filter(repository=self.repository.id)
        tags = filters.chosen(alive, self.repository).select_related("manifest")
        page = page_of(
            request,
            tags.defer("manifest__body", "manifest__annotations_json", "manifest__labels_json"),
            order=filters.order,
        )
        may_push = "push" in self.rights
        rows = tag_rows(self.repository, page.rows, with_actors=may_push, now=self.now)
        response = self.render(
            "ui/tags/table.html" if self.wants_part else self.template,
            page=page,
            rows=rows,
            filters=filters,
            sorts=SORTS,
            changes=offered(self.rights),
            shows_charts=any(row.app_version for row in rows),
        )
        patch_vary_headers(response, ["HX-Request"])
        return response

"""The tags of a repository."""

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from registry.tags.models import Tag
from ui.paging import page_of
from ui.tags.changes import offered
from ui.tags.filters import SORTS, Filters
from ui.tags.pages import TagsPage
from ui.tags.rows import tag_rows


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

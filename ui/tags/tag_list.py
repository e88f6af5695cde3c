"""The tags of a repository, narrowed and in the order that was asked for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from registry.repositories.models import Repository
from registry.tags.models import EndReason, Tag
from ui.commands.address import Registry
from ui.contents.tag_rows import tag_rows
from ui.display.amounts import counted
from ui.forms import typed
from ui.pages import SUGGESTED, RepositoryPage
from ui.paging import page_of
from ui.repository_rows import MOST_TAGS_COUNTED
from ui.tags.changes import MAX_TAGS, offered
from ui.tags.filters import SORTS, Filters
from ui.tags.pages import TagsPage
from ui.tags.restoring import deleted_together

_MAX_LENGTH: Final = 160


def suggested_tags(repository: Repository, text: str, *, most: int, now: datetime) -> list[str]:
    """The newest tags with ``text`` in their names; those of signatures and the like are none."""
    alive = Tag.objects.alive(at=now).filter(repository=repository.id, name__contains=text)
    newest = alive.companions(False).order_by("-started_at", "-name")
    return list(newest.values_list("name", flat=True)[:most])


class TagPicker(RepositoryPage):
    """What a field that takes a tag suggests while one types."""

    template = "ui/parts/options.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        text = typed(request.GET, request.GET.get("field", ""), most=_MAX_LENGTH)
        names = suggested_tags(self.repository, text, most=SUGGESTED, now=self.now)
        response = self.render(picks=[(name, "") for name in names])
        patch_cache_control(response, private=True, no_store=True)
        return response


class TagListPage(TagsPage):
    template = "ui/tags/list.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        filters = Filters.of(request.GET, self.repository)
        alive = Tag.objects.alive(at=self.now).filter(repository=self.repository.id)
        matches = filters.selection(alive, self.repository)
        tags = filters.begun(matches).select_related("manifest")
        page = page_of(
            request,
            tags.defer("manifest__body", "manifest__annotations_json", "manifest__labels_json"),
            order=filters.order,
        )
        might_push = "push" in self.given_rights
        rows = tag_rows(self.repository, page.rows, with_actors=might_push, now=self.now)
        response = self.render(
            "ui/tags/table.html" if self.wants_part else self.template,
            page=page,
            rows=rows,
            total=counted(matches, MOST_TAGS_COUNTED),
            filters=filters,
            sorts=SORTS,
            changes=offered(self.rights),
            most_changed=MAX_TAGS,
            address=f"{Registry.of(request).host}/{self.repository.path}",
            shows_charts=any(row.app_version for row in rows),
            **(self._undo(request.GET.get("deleted", "")) if "push" in self.rights else {}),
        )
        patch_vary_headers(response, ["HX-Request"])
        return response

    def _undo(self, moment: str) -> Mapping[str, Any]:
        """What was deleted at that moment, as long as it can come back."""
        gone = deleted_together(self.repository, moment, now=self.now) if moment else ()
        deleted = [tag for tag in gone if tag.end_reason == EndReason.DELETE]
        companions = len(gone) - len(deleted)
        context = {"undo": deleted, "undo_companions": companions, "undo_moment": moment}
        return context if deleted else {}

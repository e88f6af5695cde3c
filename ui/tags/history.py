"""Everything that happened to the tags of a repository."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from artifacts.oci.names import MAX_TAG_LENGTH, is_tag
from registry.tags.history import Place, TagEvent, tag_events
from registry.tags.time_machine import time_machine_of
from ui.forms import typed
from ui.paging import PAGE_SIZE, query_url, read_cursor, read_moment, write_cursor
from ui.people import actors_of
from ui.tags.pages import TagsPage
from ui.tags.restoring import may_undo, restored_tag, undoable


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """``until`` is when what ended can no longer be restored; ``None`` when nothing can be.

    ``is_undoable``: to restore it moves no tag, and can be undone, so it is done at once.
    """

    event: TagEvent
    by: str
    until: datetime | None
    is_undoable: bool


class HistoryPage(TagsPage):
    template = "ui/tags/history.html"
    tab = "history"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        name = typed(request.GET, "tag", most=MAX_TAG_LENGTH)
        after = _place(read_cursor(request.GET.get("after", ""), 3))
        events = tag_events(
            repository=self.repository,
            name=name,
            after=after,
            size=PAGE_SIZE + 1,
            now=self.now,
        )
        shown = events[:PAGE_SIZE]
        page = {"first_url": query_url(request) if after else "", "next_url": ""}
        if len(events) > PAGE_SIZE:
            at, row, is_end = shown[-1].place
            page["next_url"] = query_url(
                request, after=write_cursor([at.isoformat(), row, int(is_end)])
            )
        response = self.render(
            "ui/tags/history_table.html" if self.wants_part else "",
            rows=self._rows(shown),
            page=page,
            name=name,
            is_name=is_tag(name),
            **self._undo(request.GET.get("restored", "")),
        )
        patch_vary_headers(response, ["HX-Request"])
        return response

    def _rows(self, events: list[TagEvent]) -> list[HistoryRow]:
        actors: Any = {}
        if "push" in self.given_rights:
            moments = [(event.tag.name, event.at) for event in events]
            actors = actors_of(self.repository, moments)
        span = time_machine_of(self.repository.namespace)
        names = self._undoable({event.tag.name for event in events if event.gone})
        return [
            HistoryRow(
                event=event,
                by=actors.get((event.tag.name, event.at), ""),
                until=event.at + span if event.gone and event.at + span > self.now else None,
                is_undoable=event.tag.name in names,
            )
            for event in events
        ]

    def _undoable(self, names: Collection[str]) -> Collection[str]:
        if not names or not may_undo(self.rights):
            return ()
        return undoable(self.repository, names, now=self.now)

    def _undo(self, name: str) -> Mapping[str, Any]:
        """The tag that was just restored, as long as that can be undone."""
        if not is_tag(name) or not may_undo(self.rights):
            return {}
        tag = restored_tag(self.repository, name, now=self.now)
        return {"undo": tag} if tag and not tag.is_immutable else {}


def _place(cursor: list[Any] | None) -> Place | None:
    match cursor:
        case [str(moment), int(row), int(is_end)]:
            try:
                return read_moment(moment), row, bool(is_end)
            except ValueError:  # a cursor that we did not write
                return None
    return None

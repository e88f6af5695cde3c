"""Everything that happened to the tags of a repository, and how to undo or to forget it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid
from artifacts.oci.names import MAX_TAG_LENGTH, is_tag
from artifacts.refusals import Refusal
from registry.manifests.removal import delete_tag_for_good
from registry.manifests.restoration import restore_tag
from registry.repositories.models import Repository
from registry.tags.history import Place, TagEvent, tag_events
from registry.tags.models import EndReason, Tag
from registry.tags.services import TagImmutable, require_mutable
from registry.tags.time_machine import time_machine_of
from ui.forms import typed
from ui.pages import reason_of
from ui.paging import PAGE_SIZE, query_url, read_cursor, read_moment, write_cursor
from ui.people import actors_of
from ui.tags.pages import TagsPage

MAX_UNDONE: Final = 1000  # of one deletion
MAX_REASONS: Final = 3  # that are told why tags did not come back


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """``until`` is when what ended can no longer be restored; ``None`` when nothing can be."""

    event: TagEvent
    by: str
    until: datetime | None


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
        )
        patch_vary_headers(response, ["HX-Request"])
        return response

    def _rows(self, events: list[TagEvent]) -> list[HistoryRow]:
        actors: Any = {}
        if "push" in self.given_rights:
            moments = [(event.tag.name, event.at) for event in events]
            actors = actors_of(self.repository, moments)
        span = time_machine_of(self.repository.namespace)
        return [
            HistoryRow(
                event=event,
                by=actors.get((event.tag.name, event.at), ""),
                until=event.at + span if event.gone and event.at + span > self.now else None,
            )
            for event in events
        ]


def _place(cursor: list[Any] | None) -> Place | None:
    match cursor:
        case [str(moment), int(row), int(is_end)]:
            try:
                return read_moment(moment), row, bool(is_end)
            except ValueError:  # a cursor that we did not write
                return None
    return None


class _PastPage(TagsPage):
    """About a tag and a digest that it had."""

    tab = "history"

    @property
    def back(self) -> str:
        return reverse("ui:history", kwargs={"repository": self.repository.path})

    def past(self, values: QueryDict) -> tuple[str, str]:
        name, digest = values.get("tag", ""), values.get("digest", "")
        try:
            if is_tag(name) and str(Digest.parse(digest)) == digest:
                return name, digest
        except DigestInvalid:
            pass
        raise Http404

    def current(self, name: str) -> Tag | None:
        alive = Tag.objects.alive(at=self.now).filter(repository=self.repository.id, name=name)
        return alive.select_related("manifest").defer("manifest__body").first()

    def refusal_to(self, change: str, tag: Tag | None) -> str:
        try:
            if tag:
                require_mutable(tag, change)
        except TagImmutable as error:
            return reason_of(error)
        return ""


def deleted_together(repository: Repository, moment: str, *, now: datetime) -> Sequence[Tag]:
    """The tags that one deletion took at ``moment``, with those of signatures that went along;
    none where the text is no moment, or they cannot come back any more."""
    try:
        at = read_moment(moment)
    except ValueError:
        return ()
    if at + time_machine_of(repository.namespace) <= now:
        return ()
    rows = Tag.objects.filter(
        repository=repository.id,
        ended_at=at,
        end_reason__in=[EndReason.DELETE, EndReason.SUBJECT],
    )
    tags = rows.select_related("manifest").defer("manifest__body").order_by("pk")
    return list(tags[:MAX_UNDONE])


class RestorePage(_PastPage):
    """One tag, or with ``deleted`` all that one deletion took."""

    actions = {"GET": "push", "POST": "push"}
    template = "ui/tags/restore.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        name, digest = self.past(request.GET)
        since = self.now - time_machine_of(self.repository.namespace)
        rows = Tag.objects.filter(repository=self.repository.id, name=name, manifest__digest=digest)
        current = self.current(name)
        refusal = self.refusal_to("moved to another manifest", current)
        if current and current.manifest.digest == digest:
            refusal = f"{name} points at this manifest already."
        elif not rows.kept(since=since).exists():
            refusal = "The time machine does not hold it any more."
        return self.render(name=name, digest=digest, current=current, why_not=refusal)

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        if moment := request.POST.get("deleted", ""):
            return self._undo(moment)
        name, digest = self.past(request.POST)
        restore_tag(repository=self.repository, name=name, digest=digest, now=self.now, by=self.by)
        message = f"{name} is back and points at {digest[:19]}."
        return self.done(message, "ui:history", repository=self.repository.path)

    def _undo(self, moment: str) -> HttpResponse:
        gone = deleted_together(self.repository, moment, now=self.now)
        refused = [(tag, reason) for tag in gone if (reason := self._not_undone(tag))]
        for tag, reason in refused[:MAX_REASONS]:
            messages.error(self.request, f"{tag.name} is not back. {reason}")
        back = len(gone) - len(refused)
        message = f"{back} tag{'' if back == 1 else 's'} came back."
        return self.done(message, "ui:tags", repository=self.repository.path)

    def _not_undone(self, tag: Tag) -> str:
        """Bring it back, or say why not."""
        if self.current(tag.name) is not None:
            return "Somebody pushed a tag of that name meanwhile."
        try:
            restore_tag(
                repository=self.repository,
                name=tag.name,
                digest=tag.manifest.digest,
                now=self.now,
                by=self.by,
            )
        except Refusal as error:
            return reason_of(error)
        return ""

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": "Restore a tag"}


class ForgetPage(_PastPage):
    """Deletes what the history holds of a tag with one digest, alive or not."""

    actions = {"GET": "delete", "POST": "delete"}
    template = "ui/tags/forget.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        if not settings.BERTH.PERMANENTLY_DELETE_TAGS:
            raise Http404
        name, digest = self.past(request.GET)
        rows = Tag.objects.filter(repository=self.repository.id, name=name, manifest__digest=digest)
        current = self.current(name)
        concerned = current if current and current.manifest.digest == digest else None
        return self.render(
            name=name,
            digest=digest,
            count=rows.count(),
            current=concerned,
            why_not=self.refusal_to("deleted", concerned),
        )

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        name, digest = self.past(request.POST)
        delete_tag_for_good(
            repository=self.repository, name=name, digest=digest, now=self.now, by=self.by
        )
        message = f"{name} with {digest[:19]} was deleted for good."
        return self.done(message, "ui:history", repository=self.repository.path)

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": "Delete for good"}

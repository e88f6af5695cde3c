"""Bring back what ended, take that back, and forget it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse

from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid
from artifacts.oci.names import is_tag
from artifacts.refusals import Refusal
from registry.access.scopes import Action
from registry.manifests.removal import delete_tag_for_good
from registry.manifests.restoration import restore_tag
from registry.repositories.models import Repository
from registry.tags.immutability import born_immutable
from registry.tags.models import EndReason, StartReason, Tag
from registry.tags.services import TagImmutable, delete_tag, lock_tag, require_mutable
from registry.tags.time_machine import time_machine_of
from ui.pages import reason_of
from ui.paging import read_moment
from ui.tags.pages import TagsPage

MAX_UNDONE: Final = 1000  # of one deletion
MAX_REASONS: Final = 3  # that are told why tags did not come back


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
        return _alive(self.repository, name, now=self.now)

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


def may_undo(rights: frozenset[Action]) -> bool:
    return {"push", "delete"} <= rights


def undoable(repository: Repository, names: Collection[str], *, now: datetime) -> Collection[str]:
    """Those of ``names`` of which a restore can be undone: it moves no tag, and makes one that
    may be deleted."""
    alive = Tag.objects.alive(at=now).filter(repository=repository.id, name__in=names)
    there = set(alive.values_list("name", flat=True))
    return set(names) - there - born_immutable(repository, names)


def restored_tag(repository: Repository, name: str, *, now: datetime) -> Tag | None:
    """The tag, where what it is now came of a restore."""
    tag = _alive(repository, name, now=now)
    return tag if tag and tag.start_reason == StartReason.RESTORE else None


def _alive(repository: Repository, name: str, *, now: datetime) -> Tag | None:
    alive = Tag.objects.alive(at=now).filter(repository=repository.id, name=name)
    return alive.select_related("manifest").defer("manifest__body").first()


class RestorePage(_PastPage):
    """One tag, or with ``deleted`` all that one deletion took.

    A restore that can be undone is done at once; any other is asked about first. With ``undone``,
    when the tag came back, that is undone.
    """

    actions = {"GET": "push", "POST": "push"}
    template = "ui/tags/restore.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self._ask(*self.past(request.GET))

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        if moment := request.POST.get("deleted", ""):
            return self._bring_back(moment)
        name, digest = self.past(request.POST)
        if moment := request.POST.get("undone", ""):
            return self._undo(name, moment)
        can_be_undone = may_undo(self.rights) and undoable(self.repository, [name], now=self.now)
        if "confirmed" not in request.POST and not can_be_undone:
            return self._ask(name, digest)
        restore_tag(repository=self.repository, name=name, digest=digest, now=self.now, by=self.by)
        if can_be_undone:
            return HttpResponseRedirect(f"{self.back}?{urlencode({'restored': name})}")
        message = f"{name} is back and points at {digest[:19]}."
        return self.done(message, "ui:history", repository=self.repository.path)

    def _ask(self, name: str, digest: str) -> HttpResponse:
        since = self.now - time_machine_of(self.repository.namespace)
        rows = Tag.objects.filter(repository=self.repository.id, name=name, manifest__digest=digest)
        current = self.current(name)
        refusal = self.refusal_to("moved to another manifest", current)
        if current and current.manifest.digest == digest:
            refusal = f"{name} points at this manifest already."
        elif not rows.kept(since=since).exists():
            refusal = "The time machine does not hold it any more."
        return self.render(name=name, digest=digest, current=current, why_not=refusal)

    def _undo(self, name: str, moment: str) -> HttpResponse:
        """Delete the tag that came back at ``moment``, and nothing that took its place."""
        if not may_undo(self.rights):
            raise PermissionDenied
        with transaction.atomic():
            tag = lock_tag(repository=self.repository, name=name)
            if tag is None or tag.started_at.isoformat() != moment:
                messages.error(self.request, f"{name} was changed meanwhile, and stays as it is.")
                return HttpResponseRedirect(self.back)
            delete_tag(repository=self.repository, name=name, now=self.now, by=self.by)
        message = f"{name} is gone again, and can be restored."
        return self.done(message, "ui:history", repository=self.repository.path)

    def _bring_back(self, moment: str) -> HttpResponse:
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

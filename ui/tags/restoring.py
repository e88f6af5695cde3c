"""Bring a tag back from the history, or take it out of there for good."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict

from accounts.errors import AccountError
from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid, OCIError
from artifacts.oci.names import is_tag
from registry.manifests.restoration import delete_tag_for_good, restore_tag
from registry.tags.models import Tag
from registry.tags.services import TagImmutable, require_mutable
from registry.tags.time_machine import time_machine_of
from ui.pages import reason_of
from ui.tags.pages import TagsPage


class _PastPage(TagsPage):
    """About a tag and a digest that it had."""

    tab = "history"

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


class RestorePage(_PastPage):
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
        name, digest = self.past(request.POST)
        try:
            restore_tag(
                repository=self.repository, name=name, digest=digest, now=self.now, by=self.by
            )
        except (AccountError, OCIError) as error:
            return self.refused(error, "ui:history", repository=self.repository.path)
        said = f"{name} is back and points at {digest[:19]}."
        return self.done(said, "ui:history", repository=self.repository.path)

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": "Restore a tag"}


class ForgetPage(_PastPage):
    """Deletes what the history holds of a tag with one digest, alive or not."""

    actions = {"GET": "delete", "POST": "delete"}
    template = "ui/tags/forget.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        if not settings.PERMANENTLY_DELETE_TAGS:
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
        try:
            delete_tag_for_good(
                repository=self.repository, name=name, digest=digest, now=self.now, by=self.by
            )
        except (AccountError, OCIError) as error:
            return self.refused(error, "ui:history", repository=self.repository.path)
        said = f"{name} with {digest[:19]} was deleted for good."
        return self.done(said, "ui:history", repository=self.repository.path)

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": "Delete for good"}

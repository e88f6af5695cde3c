"""The manual: its contents, and one page of it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from accounts.origin import external_url
from ui.manual.contents import BY_NAME, SECTIONS, neighbours
from ui.manual.rendering import manual_text
from ui.pages import Page


class ManualRoom(Page):
    nav = "manual"

    def context(self) -> dict[str, Any]:
        return {**super().context(), "sections": SECTIONS}


class ContentsPage(ManualRoom):
    template = "ui/manual/contents.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render()


class ManualPage(ManualRoom):
    template = "ui/manual/page.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        entry = BY_NAME.get(name)
        if entry is None:
            raise Http404
        scheme, _, host = external_url(request.META, scheme=str(request.scheme)).partition("://")
        before, after = neighbours(entry)
        return self.render(
            entry=entry,
            text=manual_text(name, host=host, scheme=scheme),
            before=before,
            after=after,
        )


class ReferencePage(ManualRoom):
    """Every operation of the management API, which the browser reads from its document."""

    template = "ui/manual/reference.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render()

"""Keys that are quicker than the mouse."""

from django.http import HttpRequest, HttpResponse

from ui.pages import Page


class HelpPage(Page):
    template = "ui/start/help.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render()

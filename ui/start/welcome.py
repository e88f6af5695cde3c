"""The first page: for visitors what this is, for people what is theirs."""

from django.http import HttpRequest, HttpResponse

from ui.pages import Page


class WelcomePage(Page):
    template = "ui/start/welcome.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render()

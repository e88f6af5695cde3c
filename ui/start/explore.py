"""Repositories that everybody may pull from."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from registry.repositories.models import Repository
from ui.kinds import of_group
from ui.pages import Page, sign_in
from ui.paging import page_of
from ui.repository_rows import repository_rows

KINDS = (("", "All"), ("helm", "Helm charts"), ("images", "Images"), ("other", "Other"))


class ExplorePage(Page):
    template = "ui/start/explore.html"
    nav = "explore"

    def refusal(self) -> HttpResponseBase | None:
        is_closed = self.user is None and not settings.FEATURE_ANONYMOUS_ACCESS
        return sign_in(self.request) if is_closed else None

    def get(self, request: HttpRequest) -> HttpResponse:
        kind = request.GET.get("kind", "")
        page = page_of(
            request,
            of_group(Repository.objects.filter(is_public=True), kind),
            order=("-last_pushed_at", "-id"),
        )
        response = self.render(
            "ui/start/explore_list.html" if self.wants_part else "",
            kind=kind if kind in dict(KINDS) else "",
            kinds=KINDS,
            page=page,
            rows=repository_rows(page.rows, now=self.now),
        )
        patch_vary_headers(response, ["HX-Request"])
        return response

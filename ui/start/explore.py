"""Repositories that everybody may pull from."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from artifacts.kinds.kinds import Kind
from registry.repositories.models import Repository, RepositoryQuerySet
from ui.pages import Page, sign_in
from ui.paging import page_of
from ui.repository_rows import repository_rows

KINDS = (("", "All"), ("helm", "Helm charts"), ("images", "Images"), ("other", "Other"))
_IMAGES = (Kind.IMAGE, Kind.INDEX)


class ExplorePage(Page):
    template = "ui/start/explore.html"
    nav = "explore"

    def refusal(self) -> HttpResponseBase | None:
        is_closed = self.user is None and not settings.FEATURE_ANONYMOUS_ACCESS
        return sign_in(self.request) if is_closed else None

    def get(self, request: HttpRequest) -> HttpResponse:
        kind = request.GET.get("kind", "")
        page = page_of(request, _public(kind), order=("-last_pushed_at", "-id"))
        is_part = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
        response = self.render(
            "ui/start/explore_list.html" if is_part else "",
            kind=kind if kind in dict(KINDS) else "",
            kinds=KINDS,
            page=page,
            rows=repository_rows(page.rows, now=self.now),
        )
        patch_vary_headers(response, ["HX-Request"])
        return response


def _public(kind: str) -> RepositoryQuerySet:
    public = Repository.objects.filter(is_public=True)
    match kind:
        case "helm":
            return public.filter(kind=Kind.HELM_CHART)
        case "images":
            return public.filter(kind__in=_IMAGES)
        case "other":
            return public.exclude(kind__in=(Kind.HELM_CHART, *_IMAGES))
    return public

"""Repositories that somebody starred, to find them again."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.credentials.principals import Principal
from artifacts.oci.names import is_name
from registry.access.rights import readable_repositories
from registry.repositories.models import RepositoryQuerySet
from registry.repositories.services import star, unstar
from ui.pages import Page
from ui.paging import page_of
from ui.repository_rows import repository_rows


def starred(person: Principal) -> RepositoryQuerySet:
    """What a person starred and may still read."""
    return readable_repositories(person).filter(stars__user=person.id)


class StarsPage(Page):
    """All of them; and where a star is given (``star=on``) and taken back."""

    template = "ui/start/stars.html"
    must_sign_in = True

    def get(self, request: HttpRequest) -> HttpResponse:
        page = page_of(request, starred(self.visitor), order=("-last_pushed_at", "-id"))
        return self.render(page=page, rows=repository_rows(page.rows, now=self.now))

    def post(self, request: HttpRequest) -> HttpResponse:
        path = request.POST.get("repository", "")
        if self.user is None or not is_name(path):
            raise Http404
        repository = get_object_or_404(readable_repositories(self.visitor), path=path)
        change = star if request.POST.get("star") == "on" else unstar
        change(repository=repository, user=self.user)
        return HttpResponseRedirect(reverse("ui:repository", kwargs={"repository": path}))

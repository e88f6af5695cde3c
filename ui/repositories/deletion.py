"""The end of a repository, and how it is brought back or removed before its time."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from registry.repositories.deletion import (
    delete_repository,
    lifetime_of_deleted,
    remove_for_good,
    restorable,
    undelete_repository,
)
from registry.repositories.models import Repository
from ui.display.amounts import distance
from ui.forms import NameInput, PageForm
from ui.pages import FORM_REFUSED, NamespacePage, RepositoryPage
from ui.paging import page_of
from ui.repositories.contents import contents_of


class ConfirmationForm(PageForm):
    name = forms.CharField(
        label="Type the repository's whole name to confirm",
        widget=NameInput(),
    )


class DeletePage(RepositoryPage):
    template = "ui/repositories/delete.html"
    actions = {"GET": "*", "POST": "*"}
    tab = "settings"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self.answer(ConfirmationForm())

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        form = ConfirmationForm(request.POST)
        if form.is_valid() and form.cleaned_data["name"] != repository:
            form.add_error("name", f"This is not its name. It is called {repository}.")
        if not form.is_valid():
            return self.answer(form, status=FORM_REFUSED)
        namespace = self.repository.namespace.name
        delete_repository(repository=self.repository, now=self.now, by=self.by)
        return self.done(f"{repository} was deleted.", "ui:namespace", namespace=namespace)

    @property
    def back(self) -> str:
        return reverse("ui:namespace", kwargs={"namespace": self.repository.namespace.name})

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        lifetime = lifetime_of_deleted()
        return self.render(
            crumb="Delete",
            kind=self.repository.kind,
            contents=contents_of(self.repository, self.now),
            lifetime=distance(lifetime) if lifetime else "",
            form=form,
            **options,
        )


class DeletedRepositoriesPage(NamespacePage):
    template = "ui/repositories/deleted.html"
    standing = {"GET": "administrator"}
    tab = "settings"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        deleted = restorable(self.now).filter(namespace=self.namespace)
        page = page_of(request, deleted, order=("-deleted_at", "-id"))
        return self.render(
            crumb="Deleted repositories",
            page=page,
            rows=[(row, _end_of(row)) for row in page.rows],
            lifetime=distance(lifetime_of_deleted()),
        )


class DeletedRepositoryPage(NamespacePage):
    """One of them: says what there is in it, and brings it back or lets it go."""

    template = "ui/repositories/deleted_one.html"
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "settings"
    nav = "organizations"
    repository: Repository

    def refusal(self) -> HttpResponseBase | None:
        answer = super().refusal()
        here = restorable(self.now).filter(namespace=self.namespace)
        repository = here.filter(pk=self.kwargs["deleted"]).first()
        if answer is None and repository is None:
            raise Http404
        if repository is not None:
            self.repository = repository
        return answer

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "repository": self.repository,
            "crumb": self.repository.name,
            "parent_name": "deleted_repositories",
            "parent_title": "Deleted repositories",
        }

    @property
    def back(self) -> str:
        return reverse("ui:deleted_repositories", kwargs={"namespace": self.namespace.name})

    def get(self, request: HttpRequest, namespace: str, deleted: int) -> HttpResponse:
        return self.render(
            contents=contents_of(self.repository, self.now),
            until=_end_of(self.repository),
            is_taken=Repository.objects.filter(path=self.repository.path).exists(),
        )

    def post(self, request: HttpRequest, namespace: str, deleted: int) -> HttpResponse:
        path = self.repository.path
        if "remove" in request.POST:
            remove_for_good(repository=self.repository, now=self.now, by=self.by)
            text = f"{path} is being removed with all it held."
            return self.done(text, "ui:deleted_repositories", namespace=namespace)
        undelete_repository(repository=self.repository, now=self.now, by=self.by)
        return self.done(f"{path} is back.", "ui:repository", repository=path)


def _end_of(repository: Repository) -> datetime | None:
    """Until when it can be undeleted."""
    return repository.deleted_at and repository.deleted_at + lifetime_of_deleted()

"""The end of a repository."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from accounts.errors import AccountError
from registry.repositories.deletion import delete_repository, lifetime_of_deleted
from ui.amounts import distance
from ui.forms import PageForm
from ui.pages import FORM_REFUSED, RepositoryPage
from ui.repositories.contents import contents_of


class ConfirmationForm(PageForm):
    name = forms.CharField(
        label="Type the repository's whole name to confirm",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class DeletePage(RepositoryPage):
    template = "ui/repositories/delete.html"
    actions = {"GET": "*", "POST": "*"}
    tab = "settings"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self._answer(ConfirmationForm())

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        form = ConfirmationForm(request.POST)
        if form.is_valid() and form.cleaned_data["name"] != repository:
            form.add_error("name", f"This is not its name. It is called {repository}.")
        if not form.is_valid():
            return self._answer(form, status=FORM_REFUSED)
        namespace = self.repository.namespace.name
        try:
            delete_repository(repository=self.repository, now=self.now, by=self.by)
        except AccountError as error:
            return self.refused(error, "ui:namespace", namespace=namespace)
        return self.done(f"{repository} was deleted.", "ui:namespace", namespace=namespace)

    def _answer(self, form: ConfirmationForm, **options: Any) -> HttpResponse:
        lifetime = lifetime_of_deleted()
        return self.render(
            crumb="Delete",
            kind=self.repository.kind,
            contents=contents_of(self.repository, self.now),
            lifetime=distance(lifetime) if lifetime else "",
            form=form,
            **options,
        )

"""What a repository is for, in its people's words."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from registry.repositories.services import describe
from ui.forms import PageForm
from ui.pages import FORM_REFUSED, RepositoryPage

MAX_DESCRIPTION_LENGTH = 64 * 1024


class DescriptionForm(PageForm):
    description = forms.CharField(
        required=False,
        max_length=MAX_DESCRIPTION_LENGTH,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="Markdown. Its first line stands in lists.",
    )


class DescriptionPage(RepositoryPage):
    template = "ui/repositories/description.html"
    actions = {"GET": "push", "POST": "push"}
    tab = "overview"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self._answer(DescriptionForm(initial={"description": self.repository.description}))

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        form = DescriptionForm(request.POST)
        if not form.is_valid():
            return self._answer(form, status=FORM_REFUSED)
        describe(
            repository=self.repository,
            description=form.cleaned_data["description"],
            now=self.now,
            by=self.by,
        )
        return self.done("The description was saved.", "ui:repository", repository=repository)

    def _answer(self, form: DescriptionForm, **options: Any) -> HttpResponse:
        return self.render(crumb="Description", kind=self.repository.kind, form=form, **options)

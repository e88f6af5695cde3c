"""How a repository is set: what it is for, whether everybody may pull and anybody push."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from registry.access.explanation import holders_of
from registry.repositories.deletion import lifetime_of_deleted
from registry.repositories.services import (
    MAX_DESCRIPTION_LENGTH,
    describe,
    set_read_only,
    set_visibility,
)
from ui.display.amounts import distance
from ui.display.prose import prose
from ui.forms import PageForm
from ui.pages import RepositoryPage

_READ_ONLY = "read-only"
_STATES = ("normal", _READ_ONLY)


class RepositorySettingsPage(RepositoryPage):
    template = "ui/repositories/settings.html"
    actions = {"GET": "*", "POST": "*"}
    tab = "settings"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self.render(
            crumb="Settings",
            kind=self.repository.kind,
            lifetime=distance(lifetime_of_deleted()),
        )

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        state = request.POST.get("state")
        if state not in _STATES:
            raise BadRequest
        is_read_only = state == _READ_ONLY
        set_read_only(
            repository=self.repository, is_read_only=is_read_only, now=self.now, by=self.by
        )
        text = f"{repository} {'is read-only now' if is_read_only else 'takes pushes again'}."
        return self.done(text, "ui:repository_settings", repository=repository)


class VisibilityPage(RepositoryPage):
    """Public or private: says beforehand who gains and who loses."""

    template = "ui/repositories/visibility.html"
    actions = {"GET": "*", "POST": "*"}
    tab = "settings"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self.render(
            crumb="Visibility",
            kind=self.repository.kind,
            holders=holders_of(self.repository) if self.repository.is_public else None,
            without_signing_in=settings.BERTH.FEATURE_ANONYMOUS_ACCESS,
        )

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        is_public = request.POST.get("visibility") == "public"
        set_visibility(repository=self.repository, is_public=is_public, now=self.now, by=self.by)
        text = f"{repository} is {'public' if is_public else 'private'} now."
        return self.done(text, "ui:repository_settings", repository=repository)


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
    of_content = False
    tab = "overview"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self.answer(DescriptionForm(initial={"description": self.repository.description}))

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        form = self.filled(DescriptionForm(request.POST))
        if "preview" in request.POST:
            return self.answer(form, shown=prose(form.cleaned_data["description"], top_heading=3))
        describe(
            repository=self.repository,
            description=form.cleaned_data["description"],
            now=self.now,
            by=self.by,
        )
        return self.done("The description was saved.", "ui:repository", repository=repository)

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": "Description", "kind": self.repository.kind}

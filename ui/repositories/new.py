"""A new repository, before anything is pushed to it."""

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from accounts.names import is_name
from accounts.organizations.models import Team, TeamRole
from accounts.users.models import Namespace
from artifacts.oci.errors import NameInvalid
from artifacts.oci.names import MAX_NAME_LENGTH
from registry.access.rights import rights_in
from registry.repositories.paths import repository_path
from registry.repositories.services import create_repository
from ui.forms import NameInput, PageForm
from ui.pages import FORM_REFUSED, Page, reason_of
from ui.repositories.settings import DescriptionForm

MOST_NAMESPACES = 500  # that one may choose from; others are reached from their own pages
VISIBILITIES = (
    ("private", "Private: only who is given a right here"),
    ("public", "Public: everybody may pull"),
)


class NewRepositoryForm(PageForm):
    refusable = "name"

    # Offered as choices; whether one may create there is asked when the form is sent.
    namespace = forms.CharField(
        widget=forms.Select, help_text="Your own, or an organization that lets you create."
    )
    name = forms.CharField(
        max_length=MAX_NAME_LENGTH,
        widget=NameInput(),
    )
    visibility = forms.ChoiceField(choices=VISIBILITIES, widget=forms.RadioSelect)
    description = DescriptionForm.base_fields["description"]

    def __init__(self, *args: Any, namespaces: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget: Any = self.fields["namespace"].widget
        widget.choices = [(name, name) for name in namespaces]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if "namespace" in data and "name" in data:
            try:
                data["path"] = repository_path(f"{data['namespace']}/{data['name']}")
            except NameInvalid as error:
                self.add_error("name", reason_of(error))
        return data


class NewRepositoryPage(Page):
    template = "ui/repositories/new.html"
    must_sign_in = True
    nav = "organizations"

    def get(self, request: HttpRequest) -> HttpResponse:
        name = request.GET.get("namespace", "")
        namespace = name if name in self._namespaces else self.visitor.name
        private = settings.BERTH.CREATE_PRIVATE_REPO_ON_PUSH
        initial = {"namespace": namespace, "visibility": "private" if private else "public"}
        return self.answer(NewRepositoryForm(namespaces=self._namespaces, initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.filled(NewRepositoryForm(request.POST, namespaces=self._namespaces))
        path = form.cleaned_data["path"]
        if "push" not in rights_in(principal=self.visitor, path=path, repository=None):
            form.add_error("namespace", "You may not create repositories there.")
            return self.answer(form, status=FORM_REFUSED)
        made = create_repository(
            path=path,
            creator=self.visitor,
            is_public=form.cleaned_data["visibility"] == "public",
            description=form.cleaned_data["description"],
            now=self.now,
            address=self.by.address,
        )
        text = f"{made.path} was created. Push something to it next."
        return self.done(text, "ui:repository", repository=made.path)

    @cached_property
    def _namespaces(self) -> list[str]:
        """The visitor's own first; and the one that was asked for, where that is allowed."""
        creating = Team.objects.filter(
            role__in=(TeamRole.ADMIN, TeamRole.CREATOR), members__user=self.visitor.id
        )
        name = self.request.GET.get("namespace") or self.request.POST.get("namespace", "")
        wanted = Q(organization__teams__in=creating)
        if is_name(name) and rights_in(
            principal=self.visitor, path=f"{name}/name", repository=None
        ):
            wanted |= Q(name=name)
        namespaces = (
            Namespace.objects.filter(wanted).exclude(name=self.visitor.name).order_by("name")
        )
        names = namespaces.values_list("name", flat=True).distinct()[:MOST_NAMESPACES]
        return [self.visitor.name, *names]

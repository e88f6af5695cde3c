"""An organization: made, described, and at last deleted."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from accounts.errors import NameRefused
from accounts.names import MAX_NAME_LENGTH, check_namespace_name
from accounts.organizations import services
from accounts.organizations.models import MAX_DESCRIPTION_LENGTH
from accounts.users.models import Namespace, User
from registry.repositories.deletion import contents_of, delete_organization
from registry.tags.models import Tag
from ui.forms import NameInput, PageForm
from ui.namespaces.repositories import usage_of
from ui.pages import FORM_REFUSED, OrganizationPage, Page

MAX_TAGS_COUNTED = 10_000


class OrganizationForm(PageForm):
    refusable = "email"

    description = forms.CharField(
        max_length=MAX_DESCRIPTION_LENGTH,
        required=False,
        help_text="One sentence that everybody sees who may see the organization.",
    )
    email = forms.EmailField(
        label="E-mail address",
        required=False,
        help_text="Where administrators reach the people who own it.",
    )


class NewOrganizationForm(OrganizationForm):
    refusable = "name"

    name = forms.CharField(
        max_length=MAX_NAME_LENGTH,
        widget=NameInput(),
        help_text="The first part of its repositories' names. It cannot be changed later.",
    )
    field_order = ["name"]


class NewOrganizationPage(Page):
    template = "ui/namespaces/new_organization.html"
    nav = "organizations"
    must_sign_in = True
    user: User

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer(NewOrganizationForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.filled(NewOrganizationForm(request.POST))
        made = services.create_organization(
            **form.cleaned_data, owner=self.user, now=self.now, by=self.by
        )
        text = f"The organization {made.name} is yours. Push to it, or invite others."
        return self.done(text, "ui:namespace", namespace=made.name)


class OrganizationNamePart(Page):
    """What speaks for or against a name, while it is typed."""

    template = "ui/namespaces/organization_name.html"
    must_sign_in = True

    def get(self, request: HttpRequest) -> HttpResponse:
        name = request.GET.get("name", "")
        return self.render(name=name, objection=_objection_to(name))


def _objection_to(name: str) -> str:
    if not name:
        return ""
    try:
        check_namespace_name(name)
    except NameRefused as error:
        return f"{error.reason[:1].upper()}{error.reason[1:]}."
    return "This name is taken." if Namespace.objects.filter(name=name).exists() else ""


class OrganizationSettingsPage(OrganizationPage):
    template = "ui/namespaces/settings.html"
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "settings"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        about = {"description": self.organization.description, "email": self.organization.email}
        return self.answer(OrganizationForm(initial=about))

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        form = self.filled(OrganizationForm(request.POST))
        self._change(**form.cleaned_data)
        return self.done("Saved.", "ui:namespace_settings", namespace=namespace)

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": "Settings"}

    def _change(self, description: str, email: str) -> None:
        to_do: dict[str, Any] = {
            "organization": self.organization,
            "now": self.now,
            "by": self.by,
        }
        if email != self.organization.email:
            services.change_email(**to_do, email=email)
        if description != self.organization.description:
            services.describe(**to_do, description=description)


class ConfirmationForm(PageForm):
    name = forms.CharField(
        label="Type the organization's name to confirm",
        widget=NameInput(),
    )


class DeleteOrganizationPage(OrganizationPage):
    template = "ui/namespaces/delete_organization.html"
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "settings"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        return self.answer(ConfirmationForm())

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        form = ConfirmationForm(request.POST)
        if form.is_valid() and form.cleaned_data["name"] == namespace:
            delete_organization(organization=self.organization, now=self.now, by=self.by)
            return self.done(f"The organization {namespace} was deleted.", "ui:organizations")
        form.add_error("name", f"Nothing was deleted: type {namespace}, exactly so.")
        return self.answer(form, status=FORM_REFUSED)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        return self.render(
            crumb="Delete",
            parent_name="namespace_settings",
            parent_title="Settings",
            form=form,
            contents=contents_of(self.organization),
            tags=self._tags(),
            usage=usage_of(self.namespace, now=self.now),
            **options,
        )

    def _tags(self) -> dict[str, int | bool]:
        """How many there are, as far as that is worth counting."""
        here = Tag.objects.live().filter(
            repository__namespace=self.namespace, repository__deleted_at=None
        )
        count = here[: MAX_TAGS_COUNTED + 1].count()
        return {"shown": min(count, MAX_TAGS_COUNTED), "is_more": count > MAX_TAGS_COUNTED}

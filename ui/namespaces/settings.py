"""What an organization says about itself."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from accounts.errors import AccountError
from accounts.organizations import services
from accounts.organizations.models import MAX_DESCRIPTION_LENGTH
from ui.forms import PageForm
from ui.pages import FORM_REFUSED, OrganizationPage, reason_of


class OrganizationForm(PageForm):
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


class SettingsPage(OrganizationPage):
    template = "ui/namespaces/settings.html"
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "settings"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        about = {"description": self.organization.description, "email": self.organization.email}
        return self._answer(OrganizationForm(initial=about))

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        form = OrganizationForm(request.POST)
        if form.is_valid():
            try:
                self._change(**form.cleaned_data)
            except AccountError as error:
                form.add_error("email", reason_of(error))
            else:
                return self.done("Saved.", "ui:namespace_settings", namespace=namespace)
        return self._answer(form, status=FORM_REFUSED)

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

    def _answer(self, form: OrganizationForm, **options: Any) -> HttpResponse:
        return self.render(crumb="Settings", form=form, **options)

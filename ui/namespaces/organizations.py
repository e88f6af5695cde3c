"""Making an organization."""

from django import forms
from django.http import HttpRequest, HttpResponse

from accounts.errors import AccountError, NameRefused
from accounts.names import MAX_NAME_LENGTH, check_namespace_name
from accounts.organizations.models import MAX_DESCRIPTION_LENGTH
from accounts.organizations.services import create_organization
from accounts.users.models import Namespace, User
from ui.forms import PageForm
from ui.pages import FORM_REFUSED, Page, reason_of


class OrganizationForm(PageForm):
    name = forms.CharField(
        max_length=MAX_NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="The first part of its repositories' names. It cannot be changed later.",
    )
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


class NewOrganizationPage(Page):
    template = "ui/namespaces/new_organization.html"
    nav = "organizations"
    must_sign_in = True
    user: User

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(form=OrganizationForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = OrganizationForm(request.POST)
        if form.is_valid():
            try:
                made = create_organization(
                    **form.cleaned_data, owner=self.user, now=self.now, by=self.by
                )
            except AccountError as error:
                form.add_error("name", reason_of(error))
            else:
                return self.done(
                    f"The organization {made.name} is yours. Push to it, or invite others.",
                    "ui:namespace",
                    namespace=made.name,
                )
        return self.render(form=form, status=FORM_REFUSED)


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

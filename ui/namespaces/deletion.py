"""The end of an organization."""

from django import forms
from django.http import HttpRequest, HttpResponse

from registry.repositories.organizations import contents_of, delete_organization
from registry.tags.models import Tag
from ui.forms import PageForm
from ui.namespaces.usage import usage_of
from ui.pages import FORM_REFUSED, OrganizationPage

MAX_TAGS_COUNTED = 10_000


class ConfirmationForm(PageForm):
    name = forms.CharField(
        label="Type the organization's name to confirm",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class DeleteOrganizationPage(OrganizationPage):
    template = "ui/namespaces/delete_organization.html"
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "settings"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        return self._answer(ConfirmationForm())

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        form = ConfirmationForm(request.POST)
        if form.is_valid() and form.cleaned_data["name"] == namespace:
            delete_organization(organization=self.organization, now=self.now, by=self.by)
            return self.done(f"The organization {namespace} was deleted.", "ui:organizations")
        form.add_error("name", f"Nothing was deleted: type {namespace}, exactly so.")
        return self._answer(form, status=FORM_REFUSED)

    def _answer(self, form: ConfirmationForm, status: int = 200) -> HttpResponse:
        return self.render(
            crumb="Delete",
            parent_name="namespace_settings",
            parent_title="Settings",
            form=form,
            contents=contents_of(self.organization),
            tags=self._tags(),
            usage=usage_of(self.namespace, now=self.now),
            status=status,
        )

    def _tags(self) -> dict[str, int | bool]:
        """How many there are, as far as that is worth counting."""
        here = Tag.objects.live().filter(
            repository__namespace=self.namespace, repository__deleted_at=None
        )
        count = here[: MAX_TAGS_COUNTED + 1].count()
        return {"shown": min(count, MAX_TAGS_COUNTED), "is_more": count > MAX_TAGS_COUNTED}

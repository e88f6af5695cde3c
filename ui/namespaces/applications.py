"""OAuth applications of an organization: registered, changed, given another secret, deleted.

A secret is in the answer to the request that makes it, and nowhere else.
"""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from accounts.credentials import applications
from accounts.credentials.models import OAuthApplication
from ui.forms import PageForm
from ui.pages import OrganizationPage, Secret, unstored
from ui.paging import page_of


class ApplicationForm(PageForm):
    name = forms.CharField(max_length=255)
    description = forms.CharField(max_length=4096, required=False)
    application_uri = forms.CharField(
        label="Home page",
        max_length=2000,
        required=False,
        help_text="Shown to nobody but programs.",
    )
    redirect_uri = forms.CharField(
        label="Redirect address",
        max_length=2000,
        required=False,
        help_text="Where people are led who let it in, exactly. Empty: to a page of Berth that"
        " shows the token.",
    )


class _ApplicationsPage(OrganizationPage):
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "settings"
    nav = "organizations"

    def show_once(self, application: OAuthApplication, secret: str, message: str) -> HttpResponse:
        response = self.render(
            "ui/namespaces/application_secret.html",
            crumb=application.name,
            parent_name="applications",
            parent_title="Applications",
            application=application,
            said=message,
            shown=Secret(
                "Its secret, shown only now",
                "Copy it before you leave this page: Berth keeps only a fingerprint of it.",
                reverse("ui:application", args=[self.namespace.name, application.client_id]),
                ("Client ID", application.client_id, "Copy the client ID"),
                ("Client secret", secret, "Copy the client secret"),
            ),
        )
        return unstored(response)


class ApplicationsPage(_ApplicationsPage):
    template = "ui/namespaces/applications.html"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        return self.answer(ApplicationForm())

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        form = self.filled(ApplicationForm(request.POST))
        made, secret = applications.create_application(
            organization=self.organization, **form.cleaned_data, now=self.now, by=self.by
        )
        return self.show_once(made, secret, f"The application {made.name} was created.")

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        rows = self.organization.applications.order_by("name", "pk")
        return self.render(
            crumb="Applications",
            parent_name="namespace_settings",
            parent_title="Settings",
            applications=rows,
            form=form,
            **options,
        )


class _OneApplicationPage(_ApplicationsPage):
    application: OAuthApplication

    def refusal(self) -> HttpResponseBase | None:
        if (answer := super().refusal()) is not None:
            return answer
        application = applications.application_at(
            self.kwargs["client_id"], organization=self.organization
        )
        if application is None:
            raise Http404
        self.application = application
        self.application.organization = self.organization
        return None

    @property
    def change(self) -> dict[str, Any]:
        return {"application": self.application, "now": self.now, "by": self.by}


class ApplicationPage(_OneApplicationPage):
    template = "ui/namespaces/application.html"

    def get(self, request: HttpRequest, namespace: str, client_id: str) -> HttpResponse:
        initial = {name: getattr(self.application, name) for name in ApplicationForm.base_fields}
        return self.answer(ApplicationForm(initial=initial))

    def post(self, request: HttpRequest, namespace: str, client_id: str) -> HttpResponse:
        form = self.filled(ApplicationForm(request.POST))
        applications.change_application(fields=form.cleaned_data, **self.change)
        return self.done("Saved.", "ui:application", namespace=namespace, client_id=client_id)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        tokens = self.application.tokens.select_related("user")
        return self.render(
            crumb=self.application.name,
            parent_name="applications",
            parent_title="Applications",
            application=self.application,
            page=page_of(self.request, tokens, order=("-created_at", "-pk")),
            form=form,
            **options,
        )


class NewSecretPage(_OneApplicationPage):
    standing = {"POST": "administrator"}

    @property
    def back(self) -> str:
        return reverse("ui:application", args=[self.namespace.name, self.application.client_id])

    def post(self, request: HttpRequest, namespace: str, client_id: str) -> HttpResponse:
        secret = applications.reset_secret(**self.change)
        message = "It has a new secret. The one before is worthless from now on."
        return self.show_once(self.application, secret, message)


class DeleteApplicationPage(_OneApplicationPage):
    standing = {"POST": "administrator"}

    def post(self, request: HttpRequest, namespace: str, client_id: str) -> HttpResponse:
        name = self.application.name
        applications.delete_application(**self.change)
        text = f"The application {name} was deleted, with all its tokens."
        return self.done(text, "ui:applications", namespace=namespace)

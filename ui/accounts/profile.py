"""What a person says of themselves, and leaving."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.organizations.services import delete_account
from accounts.users.models import User
from accounts.users.services import change_email
from artifacts.refusals import Refusal
from ui.forms import PageForm
from ui.pages import FORM_REFUSED, Page, reason_of
from ui.people import ask_again


class AddressForm(PageForm):
    refusable = "email"

    email = forms.EmailField(
        label="E-mail address",
        required=False,
        help_text="Only administrators see it.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class SettingsPage(Page):
    template = "ui/accounts/settings.html"
    must_sign_in = True
    user: User

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer(AddressForm(initial={"email": self.user.email}))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Change the address. Where mail is sent, allauth's page does it, with a code."""
        if settings.BERTH.FEATURE_MAILING:
            return HttpResponseRedirect(request.path)
        form = self.filled(AddressForm(request.POST))
        email = form.cleaned_data["email"].lower()
        change_email(user=self.user, email=email, now=self.now, by=self.by)
        return self.done("Your e-mail address was changed.", "ui:settings")


class AccountDeletion(Page):
    template = "ui/accounts/delete.html"
    must_sign_in = True
    user: User

    def get(self, request: HttpRequest) -> HttpResponse:
        ask_again(request)
        return self.render()

    def post(self, request: HttpRequest) -> HttpResponse:
        ask_again(request)
        if request.POST.get("name") != self.user.username:
            return self.render(status=FORM_REFUSED, problem="This is not your user name.")
        delete_account(user=self.user, now=self.now, by=self.by)
        logout(request)
        messages.success(request, "Your account was deleted.")
        return HttpResponseRedirect("/")

    def refused(self, error: Refusal) -> HttpResponse:
        return self.render(status=FORM_REFUSED, problem=reason_of(error))

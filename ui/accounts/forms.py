"""allauth's forms with our rules, and our own."""

from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm, LoginForm, ResetPasswordForm, SignupForm
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.socialaccount.forms import SignupForm as ServiceForm
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from accounts.credentials import throttle
from accounts.credentials.second_factors import use_code
from accounts.credentials.throttle import Attempt
from accounts.errors import AccountError
from accounts.users.models import User
from artifacts.oci.errors import TooManyRequests
from ui.pages import reason_of

NAME_RULE = (
    "2 to 255 lower-case letters and digits, with single '.', '_' or '-' between them. It is the"
    " first part of the names of your repositories and cannot be changed."
)


class SignInForm(LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _undress(self, login="User name")
        self.fields["password"].help_text = ""

    def clean(self) -> Any:
        if not settings.BERTH.FEATURE_DIRECT_LOGIN:
            raise ValidationError("Passwords are not taken here. Choose one of the services.")
        return super().clean()


class _MakesAccounts:
    """Of two people who ask for one name at once, one is told so.

    Nobody is told whether an account has an address. An account is made either way, and only who
    reads its mail can verify it.
    """

    cleaned_data: dict[str, Any]

    def validate_unique_email(self, value: str) -> str:
        return value

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        try:
            with transaction.atomic():
                return super().try_save(request)  # type: ignore[misc, no-any-return]
        except AccountError as error:
            messages.error(request, reason_of(error))
            return None, HttpResponseRedirect(request.path)


class SignUpForm(_MakesAccounts, SignupForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _undress(self, username="User name", email="E-mail address", password2="Password again")
        self.fields["username"].help_text = NAME_RULE


class ServiceSignUpForm(_MakesAccounts, ServiceForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _undress(self, username="User name", email="E-mail address")
        self.fields["username"].help_text = NAME_RULE


class ResetForm(ResetPasswordForm):  # type: ignore[misc]
    """An address that several accounts name, and none has verified, is of none of them."""

    users: list[User]

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if len(self.users) > 1:
            self.users = []
        return email


class PasswordForm(ChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _undress(
            self,
            oldpassword="Present password",
            password1="New password",
            password2="New password again",
        )
        self.fields["oldpassword"].help_text = ""

    def clean_oldpassword(self) -> str:
        password: str = self.cleaned_data["oldpassword"]
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password

    def clean(self) -> Any:
        cleaned = super().clean()
        old = self.cleaned_data.get("oldpassword")
        if old is not None and self.cleaned_data.get("password1") == old:
            self.add_error("password1", "This is the present password. Choose another one.")
        return cleaned


class _Slowed:
    """Codes are guessed as passwords are, so whoever guesses is slowed in the same way.

    One brake for each account, wherever the guesses come from: a code is short.
    """

    user: User
    authenticator: Authenticator

    def clean_code(self) -> str:
        attempt = Attempt.of("second factor", address=f"account {self.user.pk}")
        now = timezone.now()
        try:
            standing = throttle.refuse_if_blocked(attempt, now=now)
        except TooManyRequests as error:
            raise ValidationError(reason_of(error)) from error
        try:
            code = self._fresh_code(now)
        except ValidationError:
            throttle.count_failure(attempt, now=now)
            raise
        throttle.note_success(attempt, standing, now=now)
        return code

    def _fresh_code(self, now: datetime) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        if not use_code(authenticator=self.authenticator, code=code, now=now):
            raise ValidationError("This code was used already. Wait for the next one.")
        return code


class FactorForm(_Slowed, AuthenticateForm):  # type: ignore[misc]
    pass


class FactorAgainForm(_Slowed, ReauthenticateForm):  # type: ignore[misc]
    pass


def _undress(form: forms.Form, **labels: str) -> None:
    """Say in a label what allauth says in a placeholder, which is gone once one types."""
    for name, field in form.fields.items():
        field.widget.attrs.pop("placeholder", None)
        field.label = labels.get(name, field.label)

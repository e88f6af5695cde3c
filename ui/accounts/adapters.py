"""How allauth makes and changes accounts here: through the services that everything else uses."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.email_verification import get_address_for_login
from allauth.account.stages import EmailVerificationStage
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal.flows.signup import redirect_to_signup
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from cryptography.fernet import InvalidToken, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.audit.services import Actor
from accounts.credentials.keys import cipher
from accounts.errors import AccountError, PasswordRefused
from accounts.mail.services import post
from accounts.names import check_namespace_name
from accounts.origin import address_of, external_url
from accounts.users.models import Namespace, User
from accounts.users.passwords import check_new_password
from accounts.users.services import change_password, create_user, suggest_name
from ui.accounts.openid_connect import OpenIDConnect
from ui.accounts.service_calls import ServiceSession
from ui.pages import reason_of
from ui.people import actor

FIRST_SIGN_IN = "is_first_sign_in"
_UNKNOWN_ACCOUNT = "account/email/unknown_account"

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "The user name or the password is wrong, or the account is"
        " disabled.",
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your present password.",
        "incorrect_code": "This code is wrong, or it has expired.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.BERTH.FEATURE_USER_CREATION is True and settings.BERTH.FEATURE_DIRECT_LOGIN

    def clean_username(self, username: str, shallow: bool = False) -> str:
        try:
            check_namespace_name(username)
        except AccountError as error:
            raise ValidationError(reason_of(error)) from error
        if not shallow and Namespace.objects.filter(name=username).exists():
            raise ValidationError("This name is already taken by a user or an organization.")
        return username

    def clean_password(self, password: str, user: User | None = None) -> str:
        try:
            return check_new_password(password, user=user or User())
        except PasswordRefused as error:
            raise ValidationError(error.reasons) from error

    def save_user(
        self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True
    ) -> User:
        """Make the account. ``user`` is only allauth's idea of it."""
        data = form.cleaned_data
        return create_user(
            username=data["username"],
            password=data.get("password1"),
            email=data.get("email") or "",
            now=timezone.now(),
            by=Actor(data["username"], address=address_of(request.META)),
        )

    def set_password(self, user: User, password: str) -> None:
        change_password(
            user=user, password=password, now=timezone.now(), by=actor(context.request, user)
        )

    def login(self, request: HttpRequest, user: User) -> None:
        is_first = user.last_login is None
        super().login(request, user)
        if is_first:
            request.session[FIRST_SIGN_IN] = True

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        actor(request, user).did("user.sign-in", user.username, now=timezone.now())
        return response

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            actor(request, request.user).did(
                "user.sign-out", request.user.username, now=timezone.now()
            )
        super().logout(request)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return _page_after_sign_in(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        url = _page_after_sign_in(request)
        return reverse("ui:settings") if url == settings.LOGIN_REDIRECT_URL else url

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Post a mail. Its text names no host but the configured one: a request may lie.

        An address that no account has costs the same, and gets nothing.
        """
        context = {**context, "email": email, "registry": settings.BERTH.SERVER_HOSTNAME}
        holders = User.objects.filter(email__iexact=email).order_by("username")
        context["holder"] = holders.values_list("username", flat=True).first()
        message = self.render_mail(template_prefix, email, context)
        if template_prefix == _UNKNOWN_ACCOUNT:
            post(recipient="", subject=message.subject, body="", now=timezone.now())
        else:
            message.send()

    def get_login_stages(self) -> list[str]:
        """An account without an e-mail address has none to verify."""
        theirs = "allauth.account.stages.EmailVerificationStage"
        ours = "ui.accounts.adapters.AddressVerificationStage"
        return [ours if stage == theirs else stage for stage in super().get_login_stages()]

    def is_safe_url(self, url: str) -> bool:
        request = context.request
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )

    def is_ajax(self, request: HttpRequest) -> bool:
        """Pages are for people; only the script for passkeys asks for data."""
        match = request.resolver_match
        is_script = match is not None and match.url_name == "mfa_login_webauthn"
        return is_script and bool(super().is_ajax(request))

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request.META) or "0.0.0.0"  # noqa: S104 - nothing listens there


class AddressVerificationStage(EmailVerificationStage):  # type: ignore[misc]
    """Asks for the code that was mailed, of whoever has an address that nobody verified."""

    def handle(self) -> tuple[Any, bool]:
        login = self.login
        if login.user is not None and get_address_for_login(login) is None:
            return None, True
        result: tuple[Any, bool] = super().handle()
        return result


class ServiceAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Sign-in through another service. An account belongs to a subject of it, never to a mail."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return settings.BERTH.FEATURE_USER_CREATION is not False and not settings.BERTH.is_read_only

    def get_requests_session(self) -> ServiceSession:
        return ServiceSession()

    def get_provider(self, request: HttpRequest, provider: str, client_id: Any = None) -> Any:
        service = super().get_provider(request, provider, client_id)
        is_openid_connect = isinstance(service, OpenIDConnectProvider)
        return OpenIDConnect(request, app=service.app) if is_openid_connect else service

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, exception: Any = None, **more: Any
    ) -> None:
        if exception:
            logger.warning("the service %s signed nobody in: %s", provider.sub_id, exception)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> User:
        """What the person would be, if they are new."""
        user: User = super().populate_user(request, sociallogin, data)
        claims = _claims(sociallogin)
        user.username = str(claims.get(_settings(sociallogin)["username_claim"]) or "")
        is_verified = _is_verified(sociallogin, user.email)
        if _why_not_kept(sociallogin, user.email):
            user.email = ""
            sociallogin.email_addresses = []
        for address in sociallogin.email_addresses:
            address.verified = is_verified
        return user

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Whether nothing needs to be asked: the claimed name is valid and free."""
        try:
            AccountAdapter(request).clean_username(sociallogin.user.username)
        except ValidationError:
            return False
        return True

    def get_signup_form_initial_data(self, sociallogin: SocialLogin) -> dict[str, str]:
        user = sociallogin.user
        wanted = user.username or user.email.partition("@")[0]
        return {"username": suggest_name(wanted), "email": user.email}

    def save_user(
        self, request: HttpRequest, sociallogin: SocialLogin, form: BaseForm | None = None
    ) -> User:
        data = form.cleaned_data if form else {}
        username = data.get("username") or sociallogin.user.username
        email = data.get("email", sociallogin.user.email)
        try:
            with transaction.atomic():
                made = sociallogin.user = create_user(
                    username=username,
                    password=None,
                    email=email or "",
                    now=timezone.now(),
                    by=Actor(username, address=address_of(request.META)),
                )
                sociallogin.save(request)
        except AccountError as error:
            if form:
                raise
            messages.error(request, reason_of(error))
            raise ImmediateHttpResponse(redirect_to_signup(request, sociallogin)) from error
        claimed = str(_claims(sociallogin).get("email", ""))
        if not made.email and (reason := _why_not_kept(sociallogin, claimed)):
            messages.warning(request, f"Your account has no e-mail address: {reason}")
        return made


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors: their secrets are encrypted at rest."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
    }

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            # SECRET_KEY has changed. No code may be right; an empty secret has codes, too.
            return str(generate_totp_secret())

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        url = external_url(context.request.META, scheme=str(context.request.scheme))
        host = url.partition("//")[2].partition(":")[0]
        return {"id": host, "name": f"Berth {host}"}

    def _get_user_identifier(self, user: User) -> str:
        return user.username


def reseal_factors() -> list[str]:
    """Encrypt all second factors under SECRET_KEY; return those that cannot be read any more."""
    lost = []
    factors = Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN)
    for pk in list(factors.values_list("pk", flat=True)):
        with transaction.atomic():
            factor = factors.select_for_update().filter(pk=pk).first()
            if factor is None:
                continue
            try:
                factor.data = {name: _resealed(value) for name, value in factor.data.items()}
            except InvalidToken:
                lost.append(f"second factor of user {factor.user_id}")
                continue
            factor.save(update_fields=["data"])
    return lost


def _resealed(value: Any) -> Any:
    """Text is encrypted; what is not says how much of it was used."""
    if isinstance(value, list):
        return [_resealed(item) for item in value]
    return _cipher().rotate(value.encode()).decode() if isinstance(value, str) else value


class SessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]
    def end_sessions(self, sessions: Any) -> None:
        super().end_sessions(sessions)
        request = context.request
        if sessions and isinstance(request.user, User):
            actor(request, request.user).did(
                "user.sessions.end",
                request.user.username,
                now=timezone.now(),
                sessions=len(sessions),
            )


def _settings(sociallogin: SocialLogin) -> dict[str, Any]:
    settings_of_app: dict[str, Any] = sociallogin.provider.app.settings
    return settings_of_app


def _claims(sociallogin: SocialLogin) -> dict[str, Any]:
    answers = sociallogin.account.extra_data
    return {**answers.get("id_token", {}), **answers.get("userinfo", {})}


def _is_verified(sociallogin: SocialLogin, email: str) -> bool:
    """Whether an answer of the service that names this address calls it verified."""
    answers = sociallogin.account.extra_data.values()
    named = [answer for answer in answers if answer.get("email", "").lower() == email.lower()]
    return any(answer.get("email_verified") in (True, "true") for answer in named)


def _why_not_kept(sociallogin: SocialLogin, email: str) -> str:
    """Why somebody new does not get the address that the service names; empty: they get it.

    That another account has it is told only to whom the service knows to own it.
    """
    is_verified = _is_verified(sociallogin, email)
    if not email or (settings.BERTH.FEATURE_MAILING and not is_verified):
        return ""
    service = sociallogin.provider.app.name
    if not is_verified:
        return f"{service} has not verified {email}."
    if User.objects.filter(email__iexact=email).exists():
        return f"{email}, which {service} names, belongs to another account."
    return ""


def _page_after_sign_in(request: HttpRequest) -> str:
    """The first page; for a superuser who is here for the first time, what to set up."""
    user = request.user
    if not user.is_authenticated or user.must_change_password:
        return settings.LOGIN_REDIRECT_URL
    is_first = request.session.pop(FIRST_SIGN_IN, False)
    return reverse("ui:setup") if is_first and user.is_superuser else settings.LOGIN_REDIRECT_URL


def _cipher() -> MultiFernet:
    return cipher(purpose="berth second factors")

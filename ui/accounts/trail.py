"""What allauth does by itself, written into the audit trail."""

from typing import Any

from allauth.account.signals import email_changed
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.users.models import User
from accounts.users.services import bump_access_epoch
from ui.people import actor


@receiver(authenticator_added)
def factor_added(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _note(request, user, "user.second-factor.add", factor=authenticator.type)
    bump_access_epoch()  # what the password alone has bought is asked about again


@receiver(authenticator_removed)
def factor_removed(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _note(request, user, "user.second-factor.remove", factor=authenticator.type)


@receiver(authenticator_reset)
def factor_reset(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _note(request, user, "user.second-factor.reset", factor=authenticator.type)


@receiver(authentication_failed)
def factor_failed(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _note(request, user, "user.second-factor.fail", factor=authenticator.type)


@receiver(email_changed)
def email_was_changed(request: HttpRequest, user: User, **_: Any) -> None:
    _note(request, user, "user.email.change")


@receiver(social_account_added)
def service_connected(request: HttpRequest, sociallogin: Any, **_: Any) -> None:
    _note(request, sociallogin.user, "user.service.connect", service=sociallogin.account.provider)


@receiver(social_account_removed)
def service_disconnected(request: HttpRequest, socialaccount: Any, **_: Any) -> None:
    service = socialaccount.provider
    _note(request, socialaccount.user, "user.service.disconnect", service=service)


def _note(request: HttpRequest, user: User, action: str, **detail: str) -> None:
    by = actor(request, user)
    by.did(action, user.username, now=timezone.now(), **detail)

"""Addresses of a person's own account, and those of allauth and of the administration that lead
elsewhere here."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from allauth.account import views
from allauth.account.decorators import secure_admin_login
from allauth.account.internal.decorators import login_not_required
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.views.generic.base import RedirectView
from requests import RequestException

from ui.accounts import openid_connect
from ui.accounts.profile import AccountDeletion, SettingsPage
from ui.accounts.setup import SetupPage
from ui.accounts.tokens import TokenRevocation, TokensPage
from ui.namespaces.invitations import InvitationsPage

logger = logging.getLogger(__name__)


def email(request: HttpRequest) -> HttpResponseBase:
    """Without mail no address can be verified; the settings page just takes it."""
    if not settings.BERTH.FEATURE_MAILING:
        return HttpResponseRedirect(reverse("ui:settings"))
    answer: HttpResponseBase = views.email(request)
    return answer


def password_reset(request: HttpRequest) -> HttpResponseBase:
    if not (settings.BERTH.FEATURE_MAILING and settings.BERTH.FEATURE_DIRECT_LOGIN):
        return render(request, "ui/accounts/password_help.html")
    answer: HttpResponseBase = views.password_reset(request)
    return answer


def service(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A step of signing in by a service, which may be down, or answer as none does."""

    def step(request: HttpRequest, provider_id: str) -> HttpResponseBase:
        try:
            return view(request, provider_id)
        except SocialApp.DoesNotExist:
            raise Http404 from None
        except (OAuth2Error, RequestException) as error:
            logger.warning("the service %s gave no answer that can be used: %s", provider_id, error)
            page = "socialaccount/authentication_error.html"
            return render(request, page, status=HTTPStatus.BAD_GATEWAY)

    open_to_all: Callable[..., HttpResponseBase] = login_not_required(step)
    return open_to_all


# The administration signs nobody in by itself: it would not ask for a second factor.
admin_doors = [
    path("login/", secure_admin_login(admin.site.index)),
    path("password_change/", RedirectView.as_view(pattern_name="account_change_password")),
]
account_doors = [
    path("email/", email, name="account_email"),
    path("password/reset/", password_reset, name="account_reset_password"),
    path("oidc/<str:provider_id>/login/", service(openid_connect.login)),
    path("oidc/<str:provider_id>/login/callback/", service(openid_connect.callback)),
]
account_pages = [
    path("settings", SettingsPage.as_view(), name="settings"),
    path("settings/delete", AccountDeletion.as_view(), name="delete_account"),
    path("settings/invitations", InvitationsPage.as_view(), name="invitations"),
    path("settings/tokens", TokensPage.as_view(), name="tokens"),
    path("settings/tokens/<int:pk>/revoke", TokenRevocation.as_view(), name="token_revocation"),
    path("setup", SetupPage.as_view(), name="setup"),
]

"""Addresses of allauth and of the administration that lead elsewhere here."""

from allauth.account import views
from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.views.generic.base import RedirectView


def email(request: HttpRequest) -> HttpResponseBase:
    """Without mail no address can be verified; the settings page just takes it."""
    if not settings.FEATURE_MAILING:
        return HttpResponseRedirect(reverse("ui:settings"))
    answer: HttpResponseBase = views.email(request)
    return answer


def password_reset(request: HttpRequest) -> HttpResponseBase:
    if not (settings.FEATURE_MAILING and settings.FEATURE_DIRECT_LOGIN):
        return render(request, "ui/accounts/password_help.html")
    answer: HttpResponseBase = views.password_reset(request)
    return answer


# The administration signs nobody in by itself: it would not ask for a second factor.
admin_doors = [
    path("login/", secure_admin_login(admin.site.index)),
    path("password_change/", RedirectView.as_view(pattern_name="account_change_password")),
]
account_doors = [
    path("email/", email, name="account_email"),
    path("password/reset/", password_reset, name="account_reset_password"),
]

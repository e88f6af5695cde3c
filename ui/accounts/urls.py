"""A person's own account."""

from django.urls import path

from ui.accounts.invitations import InvitationsPage
from ui.accounts.profile import AccountDeletion, SettingsPage
from ui.accounts.setup import SetupPage
from ui.accounts.tokens import TokenRevocation, TokensPage

urlpatterns = [
    path("settings", SettingsPage.as_view(), name="settings"),
    path("settings/delete", AccountDeletion.as_view(), name="delete_account"),
    path("settings/invitations", InvitationsPage.as_view(), name="invitations"),
    path("settings/tokens", TokensPage.as_view(), name="tokens"),
    path("settings/tokens/<int:pk>/revoke", TokenRevocation.as_view(), name="token_revocation"),
    path("setup", SetupPage.as_view(), name="setup"),
]

"""Where everybody begins: the first page, looking around, searching."""

from django.urls import path

from ui.pending import pending
from ui.start.help import HelpPage
from ui.start.theme import choose_theme
from ui.start.welcome import WelcomePage

urlpatterns = [
    path("", WelcomePage.as_view(), name="welcome"),
    path("explore", pending, name="explore"),
    path("organizations", pending, name="organizations"),
    path("search", pending, name="search"),
    path("help", HelpPage.as_view(), name="help"),
    path("settings/theme", choose_theme, name="theme"),
]

"""Where everybody begins: the first page, looking around, searching."""

from django.urls import path

from ui.start.explore import ExplorePage
from ui.start.help import HelpPage
from ui.start.organizations import OrganizationsPage
from ui.start.search import SearchPage
from ui.start.theme import choose_theme
from ui.start.welcome import WelcomePage

urlpatterns = [
    path("", WelcomePage.as_view(), name="welcome"),
    path("explore", ExplorePage.as_view(), name="explore"),
    path("organizations", OrganizationsPage.as_view(), name="organizations"),
    path("search", SearchPage.as_view(), name="search"),
    path("help", HelpPage.as_view(), name="help"),
    path("settings/theme", choose_theme, name="theme"),
]

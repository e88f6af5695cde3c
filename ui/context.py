"""What every template may use: the person, the theme, this registry's name."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.origin import external_url
from ui.people import user_of

THEME_COOKIE = "theme"
THEMES = ("auto", "light", "dark")


def frame(request: HttpRequest) -> dict[str, Any]:
    url = external_url(request.META, scheme=str(request.scheme))
    return {
        "person": user_of(request),
        "theme": theme_of(request),
        "themes": THEMES,
        "host": url.partition("//")[2],
        "is_secure": url.startswith("https:"),
        "allows_sign_up": settings.FEATURE_USER_CREATION,
    }


def theme_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"

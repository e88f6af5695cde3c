"""What every template may use: the person, the theme, this registry's name."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.origin import external_url
from registry.announcements.current import current_announcements
from ui.display.prose import prose
from ui.people import user_of

THEME_COOKIE = "theme"
THEMES = ("auto", "light", "dark")


def frame(request: HttpRequest) -> dict[str, Any]:
    url = external_url(request.META, scheme=str(request.scheme))
    return {
        "person": user_of(request),
        "version": settings.VERSION,
        "is_read_only": settings.BERTH.is_read_only,
        "announcements": [
            {"severity": shown.severity, "html": _html(shown.text)}
            for shown in current_announcements(now=timezone.now())
        ],
        "theme": theme_of(request),
        "themes": THEMES,
        "host": url.partition("//")[2],
        "is_secure": url.startswith("https:"),
        "allows_sign_up": settings.BERTH.FEATURE_USER_CREATION is True,
        "mails": settings.BERTH.FEATURE_MAILING,
        "allows_passwords": settings.BERTH.FEATURE_DIRECT_LOGIN,
        "login_services": bool(settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]),
    }


@lru_cache(maxsize=32)
def _html(text: str) -> str:
    return prose(text, top_heading=2)


def theme_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"

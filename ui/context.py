"""What every template may use: the person, the theme, this registry's name."""

import hashlib
import re
from functools import lru_cache, partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.origin import external_url
from accounts.users.models import User
from registry.announcements.current import Shown, current_announcements
from registry.events.models import Notice
from ui.display.prose import prose
from ui.people import user_of

PUT_AWAY_COOKIE = "put-away"  # the marks of announcements that were read
_MOST_PUT_AWAY = 20
_MARK = re.compile(r"[0-9a-f]{12}", re.ASCII)
THEME_COOKIE = "theme"
TOOL_COOKIE = "tool"  # the one whose commands are shown first
_MOST_UNREAD = 99  # that are counted
THEMES = ("auto", "light", "dark")


def frame(request: HttpRequest) -> dict[str, Any]:
    url = external_url(request.META, scheme=str(request.scheme))
    put_away = marks_put_away(request)
    return {
        "person": user_of(request),
        "unread": SimpleLazyObject(partial(unread_of, user_of(request))),
        "version": settings.VERSION,
        "is_read_only": settings.BERTH.is_read_only,
        "announcements": [
            {"severity": shown.severity, "html": _html(shown.text), "mark": mark}
            for shown in current_announcements(now=timezone.now())
            if (mark := _mark_of(shown)) not in put_away
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


def unread_of(user: User | None) -> str:
    """How many notices nobody has read yet; empty where there is none. Asked for by pages alone."""
    if user is None or user.pk is None:  # as after a deletion that was taken back
        return ""
    count = Notice.objects.filter(user=user, is_read=False)[: _MOST_UNREAD + 1].count()
    return f"{_MOST_UNREAD}+" if count > _MOST_UNREAD else str(count or "")


def marks_put_away(request: HttpRequest, new: str = "") -> list[str]:
    """What was put away in this browser, and ``new``, if it can be the mark of an announcement."""
    marks = [*request.COOKIES.get(PUT_AWAY_COOKIE, "").split("."), new]
    return [mark for mark in marks if _MARK.fullmatch(mark)][-_MOST_PUT_AWAY:]


def _mark_of(announcement: Shown) -> str:
    """Another one as soon as it says something else."""
    return hashlib.sha256(f"{announcement.id} {announcement.text}".encode()).hexdigest()[:12]


@lru_cache(maxsize=32)
def _html(text: str) -> str:
    return prose(text, top_heading=2)


def theme_of(request: HttpRequest) -> str:
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else "auto"

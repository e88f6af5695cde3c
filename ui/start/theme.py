"""Light, dark, or as the visitor's system says: kept in a cookie, so it needs no account."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from ui.context import THEME_COOKIE, THEMES

_KEPT = timedelta(days=365)


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Remember the theme, and go back to where the visitor was."""
    came_from = request.META.get("HTTP_REFERER", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()})
    response = HttpResponseRedirect(came_from if is_ours else "/")
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(
            THEME_COOKIE,
            chosen,
            max_age=_KEPT,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
    return response

"""The first page."""

from django.conf import settings
from django.http import HttpRequest
from django.template.response import TemplateResponse


def welcome(request: HttpRequest) -> TemplateResponse:
    """What this is and what to type first, with this host's name filled in."""
    host = settings.SERVER_HOSTNAME or request.get_host()
    context = {"host": host, "secure": request.is_secure()}
    return TemplateResponse(request, "ui/welcome.html", context)
